package state

import (
	"math"
	"runtime"
	"sync"
	"time"
)

const (
	// maxBatchDelay bounds the time that a write waits for other writes.
	maxBatchDelay = 20 * time.Millisecond
	// minBatchGap is the shortest time without a new write after which a batch is
	// regarded as complete. Timers are late by about as much.
	minBatchGap = 100 * time.Microsecond
)

// A queue holds the writes that wait for the next commit, in their order.
type queue struct {
	mu      sync.Mutex
	pending []*pendingWrite
	closed  bool
	wakeAt  int           // number of pending writes from which on add wakes the commit loop
	wake    chan struct{} // has a token if the commit loop is to be woken up
}

func newQueue() queue { return queue{wakeAt: 1, wake: make(chan struct{}, 1)} }

// add appends a write. It returns false if the queue is closed.
func (q *queue) add(w *pendingWrite) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.pending = append(q.pending, w)
	if len(q.pending) >= q.wakeAt {
		q.signal()
	}
	return true
}

// waitForBatch returns when it is better to commit the pending writes than to wait
// for more. A commit takes as long for a thousand writes as for one, and with one
// processor (GOMAXPROCS=1) fdatasync(2) keeps the goroutines from running that
// would add the next writes.
//
// A batch is complete when it has the expected number of writes and no goroutine
// is ready to add another. A single writer therefore never waits. Until then the
// next write is worth waiting for if it comes within the time that the batch has
// taken per write, the commit included. The limit of four commits keeps steady
// arrivals from delaying a batch for long.
func (q *queue) waitForBatch(expected int, commitTime time.Duration) {
	start := time.Now()
	maxDelay := min(4*commitTime, maxBatchDelay)
	for n := q.length(); n > 0; {
		runtime.Gosched()
		added := q.length() - n
		n += added
		elapsed := time.Since(start)
		if elapsed >= maxDelay || added == 0 && n == expected {
			return
		}
		if added > 0 {
			continue
		}
		gap := max((elapsed+commitTime)/time.Duration(n), minBatchGap)
		added = q.waitForMore(n, expected, min(gap, maxDelay-elapsed))
		if added == 0 {
			return
		}
		n += added
	}
}

// waitForMore waits until there are as many writes as expected, or for d if there
// are more than that already. It returns how many have been added to n.
func (q *queue) waitForMore(n, expected int, d time.Duration) (added int) {
	if n > expected {
		expected = math.MaxInt
	}
	if q.sleepUntil(expected) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-q.wake:
		case <-timer.C:
		}
	}
	return q.length() - n
}

// sleepUntil has add wake the commit loop when there are n writes, until the next
// takeBatch. It returns false if there is nothing to wait for.
func (q *queue) sleepUntil(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.pending) >= n {
		return false
	}
	q.wakeAt = n
	q.takeToken() // of an earlier write
	return true
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// takeBatch removes all pending writes and returns those that were not
// withdrawn. It reports whether the batch is the last one.
func (q *queue) takeBatch() (batch []*pendingWrite, last bool) {
	q.mu.Lock()
	pending := q.pending
	q.pending, q.wakeAt = nil, 1
	last = q.closed
	q.takeToken()
	q.mu.Unlock()
	for _, w := range pending {
		if w.tryClaim() {
			batch = append(batch, w)
		}
	}
	return batch, last
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) takeToken() {
	select {
	case <-q.wake:
	default:
	}
}
