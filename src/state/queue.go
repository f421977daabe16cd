package state

import (
	"sync"
	"time"
)

// A queue holds the writes that wait for the next commit, in their order.
type queue struct {
	mu      sync.Mutex
	pending []*pendingWrite
	closed  bool
	wake    chan struct{} // has a token after add and close
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// add appends a write. It returns false if the queue is closed.
func (q *queue) add(w *pendingWrite) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.pending = append(q.pending, w)
	q.signal()
	return true
}

// waitForBatch returns when n writes are pending, when the queue is closed, or
// after maxDelay. Writers whose write has just completed often send the next one
// at once. Without this wait they would fall into two groups, each of which
// waits for the commit of the other, and the disk would have twice the work. A
// single writer (n is 1) never waits here.
func (q *queue) waitForBatch(n int, maxDelay time.Duration) {
	if n < 2 || q.hasBatch(n) {
		return
	}
	deadline := time.NewTimer(maxDelay)
	defer deadline.Stop()
	for {
		select {
		case <-q.wake:
			if q.hasBatch(n) {
				return
			}
		case <-deadline.C:
			return
		}
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

func (q *queue) hasBatch(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed || len(q.pending) >= n
}

// takeBatch removes all pending writes and returns those that were not
// withdrawn. It reports whether the batch is the last one.
func (q *queue) takeBatch() (batch []*pendingWrite, last bool) {
	q.mu.Lock()
	pending := q.pending
	q.pending = nil
	last = q.closed
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
