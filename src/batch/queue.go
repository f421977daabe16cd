// Package batch collects work of several callers that is done once for all of them,
// such as a commit.
package batch

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// maxDelay bounds the time that an item waits for others.
	maxDelay = 20 * time.Millisecond
	// minGap is the shortest time without a new item after which a batch is regarded
	// as complete. Timers are late by about as much.
	minGap = 100 * time.Microsecond
)

// A Queue hands items to the loop that does their work, in their order.
type Queue[T any] struct {
	// Items has no buffer: an item that the loop has not received can be withdrawn.
	Items chan T
	// Callers counts those who send an item, until they have its result.
	Callers atomic.Int64

	expected int           // items of the next batch
	began    time.Time     // the work of the last batch
	duration time.Duration // of that work
}

// NewQueue returns an empty Queue.
func NewQueue[T any]() *Queue[T] { return &Queue[T]{Items: make(chan T)} }

// Done ends the work of a batch. The loop calls it before the first caller gets its
// result: as many as there are now will soon send the next item, or wait with it.
func (q *Queue[T]) Done() {
	q.expected, q.duration = int(q.Callers.Load()), time.Since(q.began)
}

// Collect returns a batch that begins with first, when it is better to do its work
// than to wait for more items, or when closed is. The work takes as long for a
// thousand items as for one, and with one processor (GOMAXPROCS=1) it can keep the
// goroutines from running that would send the next items.
//
// A batch is complete when it has an item of each caller that the last one has
// found, and no goroutine is ready to send another. A single caller therefore never
// waits. Until then the next item is worth waiting for if it comes within the time
// that the batch has taken per item, the work included. The limit of four times the
// work keeps steady arrivals from delaying a batch for long.
func (q *Queue[T]) Collect(first T, closed <-chan struct{}) []T {
	start := time.Now()
	defer func() { q.began = time.Now() }()
	limit := min(4*q.duration, maxDelay)
	batch := q.Drain([]T{first})
	for {
		before := len(batch)
		runtime.Gosched()
		batch = q.Drain(batch)
		n, elapsed := len(batch), time.Since(start)
		switch {
		case elapsed >= limit || n == before && n == q.expected:
			return batch
		case n > before:
			continue
		}
		gap := max((elapsed+q.duration)/time.Duration(n), minGap)
		select {
		case item := <-q.Items:
			batch = append(batch, item)
		case <-time.After(min(gap, limit-elapsed)):
			return batch
		case <-closed:
			return batch
		}
	}
}

// Drain appends the items that can be received without waiting.
func (q *Queue[T]) Drain(batch []T) []T {
	for {
		select {
		case item := <-q.Items:
			batch = append(batch, item)
		default:
			return batch
		}
	}
}
