package state

import (
	"testing"
	"testing/synctest"
	"time"
)

// queueOf returns a queue with writes that wait to be received, the first of which
// is returned.
func queueOf(writes int) (queue, *pendingWrite) {
	q := newQueue()
	for range writes - 1 {
		go func() { q.writes <- newPendingWrite(nil, nil) }()
	}
	synctest.Wait()
	return q, newPendingWrite(nil, nil)
}

func TestCollect(t *testing.T) {
	for _, c := range []struct {
		name              string
		pending, expected int
		commitTime, want  time.Duration
	}{
		{"all expected writes are pending", 3, 3, time.Hour, 0},
		{"a single writer does not wait", 1, 1, time.Hour, 0},
		{"nothing is known about other writers", 1, 0, 0, 0},
		{"an expected write does not come", 3, 4, 6 * time.Millisecond, 2 * time.Millisecond},
		{"there are more writers than expected", 3, 2, 6 * time.Millisecond, 2 * time.Millisecond},
		{"a fast disk", 1000, 900, time.Millisecond, minBatchGap},
		{"a slow disk", 1, 2, time.Second, maxBatchDelay},
	} {
		synctest.Test(t, func(t *testing.T) {
			q, first := queueOf(c.pending)
			start := time.Now()
			batch := q.collect(first, c.expected, c.commitTime)
			if got := time.Since(start); got != c.want || len(batch) != c.pending {
				t.Errorf("%s: waited %v for %d writes, want %v", c.name, got, len(batch), c.want)
			}
		})
	}
}

// TestCollectTakesMoreThanExpected enqueues writes one after the other, as they come from
// clients whose requests wait behind those of others. A batch that ended at the size of
// the last one would never grow.
func TestCollectTakesMoreThanExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, expected = 64, 8
		q, first := queueOf(expected + 1)
		go sendEvery(q, 40*time.Microsecond, writers-expected-1)
		if batch := q.collect(first, expected, time.Millisecond); len(batch) != writers {
			t.Errorf("batch has %d writes, want %d", len(batch), writers)
		}
	})
}

func TestCollectEndsUnderSteadyArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, first := queueOf(1)
		go sendEvery(q, 10*time.Microsecond, 1000)
		start := time.Now()
		batch := q.collect(first, 1000, time.Millisecond)
		if got := time.Since(start); got != 4*time.Millisecond {
			t.Errorf("waited %v, want four times the duration of a commit, 4ms", got)
		}
		for range 1001 - len(batch) { // until sendEvery has returned
			<-q.writes
		}
	})
}

func TestCollectEndsWithTheLastExpectedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, first := queueOf(1)
		go sendEvery(q, 5*time.Millisecond, 1)
		start := time.Now()
		batch := q.collect(first, 2, time.Hour)
		if got := time.Since(start); got != 5*time.Millisecond || len(batch) != 2 {
			t.Errorf("waited %v for %d writes, want 5ms for 2", got, len(batch))
		}
	})
}

func TestCollectEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, first := queueOf(1)
		time.AfterFunc(5*time.Millisecond, func() { close(q.closed) })
		start := time.Now()
		batch := q.collect(first, 2, time.Hour)
		if got := time.Since(start); got != 5*time.Millisecond || len(batch) != 1 {
			t.Errorf("waited %v for %d writes, want 5ms for 1", got, len(batch))
		}
	})
}

func sendEvery(q queue, interval time.Duration, writes int) {
	for range writes {
		time.Sleep(interval)
		q.writes <- newPendingWrite(nil, nil)
	}
}
