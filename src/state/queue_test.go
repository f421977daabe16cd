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
		name              string
		pending, expected int
		commitTime, want  time.Duration
	}{
		{"all expected writes are pending", 3, 3, time.Hour, 0},
		{"a single writer does not wait", 1, 1, time.Hour, 0},
		{"nothing is pending", 0, 5, time.Hour, 0},
		{"nothing is known about other writers", 1, 0, 0, 0},
		{"an expected write does not come", 3, 4, 6 * time.Millisecond, 2 * time.Millisecond},
		{"there are more writers than expected", 3, 2, 6 * time.Millisecond, 2 * time.Millisecond},
		{"a fast disk", 1000, 900, time.Millisecond, minBatchGap},
		{"a slow disk", 1, 2, time.Second, maxBatchDelay},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queueOf(c.pending)
			start := time.Now()
			q.waitForBatch(c.expected, c.commitTime)
			if got := time.Since(start); got != c.want {
				t.Errorf("%s: waited %v, want %v", c.name, got, c.want)
			}
		})
	}
}

// Writers whose requests wait behind those of others come one after the other,
// however many there are. A batch for those of the last commit alone would never
// grow.
func TestWaitForBatchTakesMoreThanExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, expected = 64, 8
		q := queueOf(expected + 1)
		go addEvery(q, 40*time.Microsecond, writers-expected-1)
		q.waitForBatch(expected, time.Millisecond)
		if batch, _ := q.takeBatch(); len(batch) != writers {
			t.Errorf("batch has %d writes, want %d", len(batch), writers)
		}
	})
}

func TestWaitForBatchEndsUnderSteadyArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(1)
		go addEvery(q, 10*time.Microsecond, 1000)
		start := time.Now()
		q.waitForBatch(1000, time.Millisecond)
		if got := time.Since(start); got != 4*time.Millisecond {
			t.Errorf("waited %v, want four times the duration of a commit, 4ms", got)
		}
		time.Sleep(time.Minute) // until addEvery has returned
	})
}

func TestWaitForBatchEndsWithTheLastExpectedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(3)
		go addEvery(q, 5*time.Millisecond, 1)
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
		q := queueOf(1)
		go func() {
			time.Sleep(5 * time.Millisecond)
			q.close()
		}()
		start := time.Now()
		q.waitForBatch(2, time.Hour)
		if got := time.Since(start); got != 5*time.Millisecond {
			t.Errorf("waited %v, want 5ms", got)
		}
		if batch, last := q.takeBatch(); len(batch) != 1 || !last {
			t.Errorf("batch has %d writes, last is %v", len(batch), last)
		}
	})
}

// A batch takes the token that its writes have left, so that the commit loop
// does not wake up for an empty one.
func TestTakeBatchTakesTheToken(t *testing.T) {
	q := queueOf(2)
	q.takeBatch()
	select {
	case <-q.wake:
		t.Error("there is a token although nothing is pending")
	default:
	}
	q.add(newPendingWrite(Condition{}, nil))
	select {
	case <-q.wake:
	default:
		t.Error("there is no token for the next write")
	}
}

func addEvery(q *queue, interval time.Duration, writes int) {
	for range writes {
		time.Sleep(interval)
		q.add(newPendingWrite(Condition{}, nil))
	}
}
