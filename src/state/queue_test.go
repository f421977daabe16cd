package state

import (
	"testing"
	"time"
)

func TestGather(t *testing.T) {
	q := newQueue()
	for range 3 {
		q.add(newPendingWrite(Condition{}, nil))
	}
	began := time.Now()
	q.waitForBatch(3, time.Hour) // they are there
	q.waitForBatch(1, time.Hour)
	q.waitForBatch(0, time.Hour)
	q.waitForBatch(4, 5*time.Millisecond) // and a fourth does not come
	if d := time.Since(began); d < 5*time.Millisecond || d > 5*time.Second {
		t.Errorf("gathered for %v", d)
	}
	gathered := make(chan int, 1)
	go func() {
		q.waitForBatch(4, time.Hour)
		batch, _ := q.takeBatch()
		gathered <- len(batch)
	}()
	time.Sleep(5 * time.Millisecond)
	q.add(newPendingWrite(Condition{}, nil))
	if n := <-gathered; n != 4 {
		t.Errorf("gathered %d writes, want 4", n)
	}
	go func() {
		q.waitForBatch(2, time.Hour)
		gathered <- 0
	}()
	q.close()
	<-gathered
}
