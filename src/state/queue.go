package state

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A request is one write on its way from Replace to the committer and back.
type request struct {
	condition Condition
	version   *Version
	since     time.Time
	claimed   atomic.Bool
	err       error // set before done is closed
	done      chan struct{}
}

func newRequest(c Condition, data []byte) *request {
	return &request{condition: c, version: newVersion(data), since: time.Now(), done: make(chan struct{})}
}

// wait returns the answer, or the error of ctx if that ends before the commit
// begins.
func (r *request) wait(ctx context.Context) (*Version, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.claim() {
			return nil, ctx.Err()
		}
		<-r.done
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.version, nil
}

// claim says whether the caller is the first: the committer, which then has to
// answer, or Replace, which then knows that there will be no commit.
func (r *request) claim() bool { return !r.claimed.Swap(true) }

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// A queue holds the writes that wait for the next commit, in their order.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	wake    chan struct{} // has a token if there is something to take
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// add says whether the queue still takes requests.
func (q *queue) add(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, r)
	q.signal()
	return true
}

// gather waits until n writes wait, no longer than patience, which is what the
// last commit took. Writers that have been answered are likely to come back: not
// waiting for them, they fall apart into two halves, each of which waits for the
// commit of the other, and the disk has twice the work. A lone writer, n being 1,
// never waits here.
func (q *queue) gather(n int, patience time.Duration) {
	if n < 2 || q.ready(n) {
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-q.wake:
			if q.ready(n) {
				return
			}
		case <-late.C:
			return
		}
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *queue) ready(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed || len(q.waiting) >= n
}

// take returns all that waits, without what was withdrawn, and whether nothing
// can follow.
func (q *queue) take() (batch []*request, last bool) {
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	last = q.closed
	q.mu.Unlock()
	for _, r := range waiting {
		if r.claim() {
			batch = append(batch, r)
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
