package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// queueBehindCommit adds the writes to the queue so that the commit loop takes
// the first one on its own and the others wait behind it. The commit stops at
// s.mu, which the caller has to unlock.
func queueBehindCommit(t *testing.T, s *Store, writes ...*pendingWrite) {
	t.Helper()
	s.mu.Lock()
	for i, w := range writes {
		if !s.queue.add(w) {
			t.Fatal("the queue is closed")
		}
		if i == 0 && !eventually(w.claimed.Load) {
			s.mu.Unlock() // for Close
			t.Fatal("the commit loop has not taken the first write")
		}
	}
}

func pendingWriteOf(data string, c Condition) *pendingWrite { return newPendingWrite(c, []byte(data)) }

func tagOf(data string) []string { return []string{newVersion([]byte(data)).ETag} }

func TestPendingWritesShareACommit(t *testing.T) {
	sizes := make(chan int, 100)
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(_, _ time.Duration, size int) { sizes <- size }})
	replace(t, s, Condition{}, "0")
	writes := []*pendingWrite{
		pendingWriteOf("1", Condition{}),
		pendingWriteOf("22", Condition{IfMatch: tagOf("1")}),
		pendingWriteOf("333", Condition{IfMatch: tagOf("1")}), // refused because of "22"
		pendingWriteOf("4444", Condition{IfNoneMatch: []string{"*"}}),
		pendingWriteOf("55555", Condition{IfMatch: tagOf("22")}),
	}
	queueBehindCommit(t, s, writes...)
	s.mu.Unlock()
	for i, want := range []error{nil, nil, ErrPrecondition, ErrPrecondition, nil} {
		<-writes[i].done
		if !errors.Is(writes[i].err, want) {
			t.Errorf("write %d: %v, want %v", i, writes[i].err, want)
		}
	}
	wantState(t, s, "55555")
	if got := s.Current().sequence; got < 4 {
		t.Errorf("sequence number is %d: replaced versions were not counted", got)
	}
	closeStore(t, s)
	close(sizes)
	var got []int
	for size := range sizes {
		got = append(got, size)
	}
	// One commit for each of "0" and "1", one for all the others.
	if want := []int{1, 1, 5}; !slices.Equal(got, want) {
		t.Errorf("sizes of the commits are %v, want %v", got, want)
	}
}

// A write may be refused because of an earlier write of its batch. If that one
// does not become durable, the refusal would be wrong.
func TestRefusalIsNotReportedWhenTheCommitFails(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir(), CheckpointDelay: noCheckpoint})
	writes := []*pendingWrite{
		pendingWriteOf("first", Condition{}),
		pendingWriteOf("second", Condition{}),
		pendingWriteOf("third", Condition{IfMatch: tagOf("first")}),
	}
	queueBehindCommit(t, s, writes...)
	removeFile(t, s.options.Dir, slotsName)
	s.mu.Unlock()
	for i, w := range writes {
		<-w.done
		if !errors.Is(w.err, ErrChanged) {
			t.Errorf("write %d: %v, want ErrChanged", i, w.err)
		}
	}
	if s.Current() != nil {
		t.Error("Current returns a version that was not committed")
	}
}

func TestBatchOfRefusedWritesIsNotCommitted(t *testing.T) {
	commits := 0
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(time.Duration, time.Duration, int) { commits++ }})
	_, err := s.Replace(context.Background(), Condition{IfMatch: []string{"*"}}, []byte("x"))
	closeStore(t, s)
	if !errors.Is(err, ErrPrecondition) || commits != 0 {
		t.Errorf("error %v, %d commits", err, commits)
	}
}

func TestWithdrawnWriteDoesNotHappen(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	first := pendingWriteOf("first", Condition{})
	queueBehindCommit(t, s, first)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := s.Replace(ctx, Condition{}, []byte("withdrawn"))
		result <- err
	}()
	waitUntil(t, "the second write is pending", func() bool { return s.queue.length() == 1 })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	s.mu.Unlock()
	<-first.done
	closeStore(t, s)
	wantState(t, s, "first")
}

// Once the commit has begun it is unknown whether the write will be durable, so
// Replace has to wait although its context has ended.
func TestContextThatEndsDuringTheCommit(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	w := pendingWriteOf("x", Condition{})
	queueBehindCommit(t, s, w)
	cancel()
	result := make(chan error, 1)
	go func() {
		_, err := w.wait(ctx)
		result <- err
	}()
	select {
	case err := <-result:
		t.Errorf("Replace has returned during the commit: %v", err)
		s.mu.Unlock()
	case <-time.After(20 * time.Millisecond):
		s.mu.Unlock()
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	wantState(t, s, "x")
}

func TestCloseCommitsPendingWrites(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	writes := []*pendingWrite{pendingWriteOf("a", Condition{}), pendingWriteOf("b", Condition{}), pendingWriteOf("c", Condition{})}
	queueBehindCommit(t, s, writes...)
	s.queue.close()
	s.mu.Unlock()
	closeStore(t, s)
	for i, w := range writes {
		<-w.done
		if w.err != nil {
			t.Errorf("write %d: %v", i, w.err)
		}
	}
	wantFile(t, dir, "c")
}

// obstructCheckpoint makes checkpoints fail until the returned function is
// called.
func obstructCheckpoint(t *testing.T, dir string) (clear func()) {
	t.Helper()
	obstacle := filepath.Join(dir, newFile)
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Rename(obstacle, filepath.Join(dir, "gone")); err != nil {
			t.Fatal(err)
		}
	}
}

// The checkpoint of a recovery is repeated without another write.
func TestCheckpointThatFailsInRecovery(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "x")
	crash(t, s)
	clear := obstructCheckpoint(t, dir)
	s = openStore(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	wantState(t, s, "x")
	clear()
	wantFileSoon(t, dir, "x")
	closeStore(t, s)
}

// A checkpoint that fails before its rename fails no write, and is repeated.
func TestCheckpointThatFails(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	clear := obstructCheckpoint(t, dir)
	replace(t, s, Condition{}, "0")
	waitUntil(t, "a checkpoint has failed", func() bool {
		s.mu.Lock() // the commit loop changes checkpointFailed while it holds the lock
		defer s.mu.Unlock()
		return s.checkpointFailed
	})
	for i := range 5 {
		replace(t, s, Condition{}, fmt.Sprint(i))
	}
	if _, err := s.Replace(context.Background(), Condition{}, []byte(largeState("x"))); !errors.Is(err, ErrFailed) {
		t.Errorf("large write: %v", err)
	}
	wantState(t, s, "4")
	clear()
	wantFileSoon(t, dir, "4")
	closeStore(t, s)
}
