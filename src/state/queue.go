package state

import (
	"runtime"
	"time"
)

const (
	// maxBatchDelay bounds the time that a write waits for other writes.
	maxBatchDelay = 20 * time.Millisecond
	// minBatchGap is the shortest time without a new write after which a batch is
	// regarded as complete. Timers are late by about as much.
	minBatchGap = 100 * time.Microsecond
)

// A pendingWrite is one write on its way from Replace to the commit loop and
// back.
type pendingWrite struct {
	condition  Condition
	version    *Version
	enqueuedAt time.Time
	err        error // set before done is closed
	done       chan struct{}
}

func newPendingWrite(c Condition, data []byte) *pendingWrite {
	return &pendingWrite{condition: c, version: NewVersion(data), enqueuedAt: time.Now(), done: make(chan struct{})}
}

// A queue hands writes to the commit loop, in their order. It has no buffer: a
// write that the loop has not received can be withdrawn.
type queue struct {
	writes chan *pendingWrite
	closed chan struct{}
}

func newQueue() queue { return queue{make(chan *pendingWrite), make(chan struct{})} }

// collect returns a batch that begins with first, when it is better to commit it
// than to wait for more. A commit takes as long for a thousand writes as for one,
// and with one processor (GOMAXPROCS=1) fdatasync(2) keeps the goroutines from
// running that would send the next writes.
//
// A batch is complete when it has the expected number of writes and no goroutine
// is ready to send another. A single writer therefore never waits. Until then the
// next write is worth waiting for if it comes within the time that the batch has
// taken per write, the commit included. The limit of four commits keeps steady
// arrivals from delaying a batch for long.
func (q queue) collect(first *pendingWrite, expected int, commitTime time.Duration) []*pendingWrite {
	start := time.Now()
	maxDelay := min(4*commitTime, maxBatchDelay)
	batch := q.drain([]*pendingWrite{first})
	for {
		before := len(batch)
		runtime.Gosched()
		batch = q.drain(batch)
		n, elapsed := len(batch), time.Since(start)
		switch {
		case elapsed >= maxDelay || n == before && n == expected:
			return batch
		case n > before:
			continue
		}
		gap := max((elapsed+commitTime)/time.Duration(n), minBatchGap)
		select {
		case w := <-q.writes:
			batch = append(batch, w)
		case <-time.After(min(gap, maxDelay-elapsed)):
			return batch
		case <-q.closed:
			return batch
		}
	}
}

// drain appends the writes that can be received without waiting.
func (q queue) drain(batch []*pendingWrite) []*pendingWrite {
	for {
		select {
		case w := <-q.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
}
