package state

import (
	"testing"
	"testing/synctest"
	"time"
)

func queueOf(writes int) *queue {
	q := newQueue()
	for range writes {
		q.add(newPendingWrite(Condition{}, nil))
	}
	return &q
}

func TestWaitForBatch(t *testing.T) {
	for _, c := range []struct {
		name            string
		pending, wanted int
		maxDelay, want  time.Duration
	}{
		{"all are pending", 3, 3, time.Hour, 0},
		{"more are pending", 3, 2, time.Hour, 0},
		{"a single writer does not wait", 0, 1, time.Hour, 0},
		{"nothing is expected", 0, 0, time.Hour, 0},
		{"one does not come", 3, 4, 5 * time.Millisecond, 5 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queueOf(c.pending)
			start := time.Now()
			q.waitForBatch(c.wanted, c.maxDelay)
			if got := time.Since(start); got != c.want {
				t.Errorf("%s: waited %v, want %v", c.name, got, c.want)
			}
		})
	}
}

func TestWaitForBatchEndsWithTheLastWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(3)
		go func() {
			time.Sleep(5 * time.Millisecond)
			q.add(newPendingWrite(Condition{}, nil))
		}()
		start := time.Now()
		q.waitForBatch(4, time.Hour)
		if got := time.Since(start); got != 5*time.Millisecond {
			t.Errorf("waited %v, want 5ms", got)
		}
		if batch, last := q.takeBatch(); len(batch) != 4 || last {
			t.Errorf("batch has %d writes, last is %v", len(batch), last)
		}
	})
}

func TestWaitForBatchEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(0)
		go func() {
			time.Sleep(5 * time.Millisecond)
			q.close()
		}()
		start := time.Now()
		q.waitForBatch(2, time.Hour)
		if got := time.Since(start); got != 5*time.Millisecond {
			t.Errorf("waited %v, want 5ms", got)
		}
		if _, last := q.takeBatch(); !last {
			t.Error("the batch is not the last one")
		}
	})
}
