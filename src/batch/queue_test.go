package batch

import (
	"testing"
	"testing/synctest"
	"time"
)

// queueOf returns a queue with items that wait to be received, but for the first, after a
// batch that has found a number of callers and has taken a time.
func queueOf(items, expected int, duration time.Duration) *Queue[int] {
	q := NewQueue[int]()
	q.Callers.Store(int64(expected))
	q.began = time.Now().Add(-duration)
	q.Done()
	for range items - 1 {
		go func() { q.Items <- 0 }()
	}
	synctest.Wait()
	return q
}

func TestCollect(t *testing.T) {
	for _, c := range []struct {
		name              string
		pending, expected int
		duration, want    time.Duration
	}{
		{"all expected items are pending", 3, 3, time.Hour, 0},
		{"a single caller does not wait", 1, 1, time.Hour, 0},
		{"nothing is known about other callers", 1, 0, 0, 0},
		{"an expected item does not come", 3, 4, 6 * time.Millisecond, 2 * time.Millisecond},
		{"there are more callers than expected", 3, 2, 6 * time.Millisecond, 2 * time.Millisecond},
		{"short work", 1000, 900, time.Millisecond, minGap},
		{"long work", 1, 2, time.Second, maxDelay},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queueOf(c.pending, c.expected, c.duration)
			start := time.Now()
			batch := q.Collect(0, nil)
			if got := time.Since(start); got != c.want || len(batch) != c.pending {
				t.Errorf("%s: waited %v for %d items, want %v", c.name, got, len(batch), c.want)
			}
		})
	}
}

// TestCollectTakesMoreThanExpected sends items one after the other, as they come from
// clients whose requests wait behind those of others. A batch that ended at the size of
// the last one would never grow.
func TestCollectTakesMoreThanExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, expected = 64, 8
		q := queueOf(expected+1, expected, time.Millisecond)
		go sendEvery(q, 40*time.Microsecond, callers-expected-1)
		if batch := q.Collect(0, nil); len(batch) != callers {
			t.Errorf("batch has %d items, want %d", len(batch), callers)
		}
	})
}

func TestCollectEndsUnderSteadyArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(1, 1000, time.Millisecond)
		go sendEvery(q, 10*time.Microsecond, 1000)
		start := time.Now()
		batch := q.Collect(0, nil)
		if got := time.Since(start); got != 4*time.Millisecond {
			t.Errorf("waited %v, want four times the duration of the work, 4ms", got)
		}
		for range 1001 - len(batch) { // until sendEvery has returned
			<-q.Items
		}
	})
}

func TestCollectEndsWithTheLastExpectedItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(1, 2, time.Hour)
		go sendEvery(q, 5*time.Millisecond, 1)
		start := time.Now()
		batch := q.Collect(0, nil)
		if got := time.Since(start); got != 5*time.Millisecond || len(batch) != 2 {
			t.Errorf("waited %v for %d items, want 5ms for 2", got, len(batch))
		}
	})
}

func TestCollectEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, closed := queueOf(1, 2, time.Hour), make(chan struct{})
		time.AfterFunc(5*time.Millisecond, func() { close(closed) })
		start := time.Now()
		batch := q.Collect(0, closed)
		if got := time.Since(start); got != 5*time.Millisecond || len(batch) != 1 {
			t.Errorf("waited %v for %d items, want 5ms for 1", got, len(batch))
		}
	})
}

func sendEvery(q *Queue[int], interval time.Duration, items int) {
	for range items {
		time.Sleep(interval)
		q.Items <- 0
	}
}
