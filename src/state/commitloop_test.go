package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A write is a call of Replace in a goroutine of its own.
type write struct {
	data      string
	condition Condition
	done      bool
	err       error
}

func (w *write) start(ctx context.Context, s *Store) {
	go func() {
		_, w.err = s.Replace(ctx, w.condition, []byte(w.data))
		w.done = true
	}()
	synctest.Wait()
}

// startBehindCommit starts the writes so that the commit loop takes the first one
// on its own and the others wait behind it. The commit ends with the returned
// function. It needs a bubble of synctest.
func startBehindCommit(s *Store, writes ...*write) (end func()) {
	ended := make(chan struct{})
	condition := writes[0].condition
	writes[0].condition = func(v *Version) bool {
		<-ended
		return condition == nil || condition(v)
	}
	for _, w := range writes {
		w.start(context.Background(), s)
	}
	return func() {
		close(ended)
		synctest.Wait()
	}
}

func tagOf(data string) string { return NewVersion([]byte(data)).ETag }

func TestPendingWritesShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(_, _ time.Duration, size int) { sizes = append(sizes, size) }})
		replace(t, s, nil, "0")
		writes := []*write{
			{data: "1"},
			{data: "22", condition: ifMatch(tagOf("1"))},
			{data: "333", condition: ifMatch(tagOf("1"))}, // refused because of "22"
			{data: "4444", condition: ifNone},
			{data: "55555", condition: ifMatch(tagOf("22"))},
		}
		startBehindCommit(s, writes...)()
		for i, want := range []error{nil, nil, ErrPrecondition, ErrPrecondition, nil} {
			if !writes[i].done || !errors.Is(writes[i].err, want) {
				t.Errorf("write %d: done %v, %v, want %v", i, writes[i].done, writes[i].err, want)
			}
		}
		wantState(t, s, "55555")
		if got := s.Current().sequence; got < 4 {
			t.Errorf("sequence number is %d: replaced versions were not counted", got)
		}
		closeStore(t, s)
		// One commit for each of "0" and "1", one for all the others.
		if want := []int{1, 1, 5}; !slices.Equal(sizes, want) {
			t.Errorf("sizes of the commits are %v, want %v", sizes, want)
		}
	})
}

// TestRefusalIsNotReportedWhenTheCommitFails refuses a write because of an earlier write of
// its batch. If that write does not become durable, the refusal would be wrong.
func TestRefusalIsNotReportedWhenTheCommitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Options{Dir: t.TempDir(), CheckpointDelay: noCheckpoint})
		writes := []*write{{data: "first"}, {data: "second"}, {data: "third", condition: ifMatch(tagOf("first"))}}
		end := startBehindCommit(s, writes...)
		removeFile(t, s.options.Dir, slotsName)
		end()
		for i, w := range writes {
			if !errors.Is(w.err, ErrChanged) {
				t.Errorf("write %d: %v, want ErrChanged", i, w.err)
			}
		}
		if s.Current() != nil {
			t.Error("Current returns a version that was not committed")
		}
	})
}

func TestBatchOfRefusedWritesIsNotCommitted(t *testing.T) {
	commits := 0
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(time.Duration, time.Duration, int) { commits++ }})
	_, err := s.Replace(context.Background(), ifAny, []byte("x"))
	closeStore(t, s)
	if !errors.Is(err, ErrPrecondition) || commits != 0 {
		t.Errorf("error %v, %d commits", err, commits)
	}
}

func TestWithdrawnWriteDoesNotHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Options{Dir: t.TempDir()})
		end := startBehindCommit(s, &write{data: "first"})
		ctx, cancel := context.WithCancel(context.Background())
		w := &write{data: "withdrawn"}
		w.start(ctx, s)
		cancel()
		synctest.Wait()
		if !errors.Is(w.err, context.Canceled) {
			t.Errorf("error is %v", w.err)
		}
		end()
		closeStore(t, s)
		wantState(t, s, "first")
	})
}

// TestContextThatEndsDuringTheCommit ends the context of a write after the commit has
// begun. It is then unknown whether the write will be durable, so Replace has to wait.
func TestContextThatEndsDuringTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Options{Dir: t.TempDir()})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		w := &write{data: "x", condition: func(*Version) bool {
			<-ended
			return true
		}}
		w.start(ctx, s)
		cancel()
		synctest.Wait()
		if w.done {
			t.Errorf("Replace has returned during the commit: %v", w.err)
		}
		close(ended)
		synctest.Wait()
		if !w.done || w.err != nil {
			t.Errorf("after the commit: done %v, %v", w.done, w.err)
		}
		wantState(t, s, "x")
	})
}

func TestCloseCommitsPendingWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
		writes := []*write{{data: "a"}, {data: "b"}, {data: "c"}}
		end := startBehindCommit(s, writes...)
		s.close()
		end()
		closeStore(t, s)
		for i, w := range writes {
			if !w.done || w.err != nil {
				t.Errorf("write %d: done %v, %v", i, w.done, w.err)
			}
		}
		wantFile(t, dir, "c")
	})
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

// TestCheckpointThatFailsInRecovery lets the checkpoint of a recovery fail. It is repeated
// without another write.
func TestCheckpointThatFailsInRecovery(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "x")
	crash(t, s)
	clear := obstructCheckpoint(t, dir)
	s = openStore(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	wantState(t, s, "x")
	clear()
	wantFileSoon(t, dir, "x")
	closeStore(t, s)
}

// TestCheckpointThatFails lets a checkpoint fail before its rename. It fails no write, and
// is repeated.
func TestCheckpointThatFails(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	clear := obstructCheckpoint(t, dir)
	replace(t, s, nil, "0")
	waitUntil(t, "a checkpoint has failed", func() bool {
		s.mu.Lock() // the commit loop changes checkpointFailed while it holds the lock
		defer s.mu.Unlock()
		return s.checkpointFailed
	})
	for i := range 5 {
		replace(t, s, nil, fmt.Sprint(i))
	}
	if _, err := s.Replace(context.Background(), nil, []byte(largeState("x"))); !errors.Is(err, ErrChanged) {
		t.Errorf("large write: %v", err)
	}
	wantState(t, s, "4")
	clear()
	wantFileSoon(t, dir, "4")
	closeStore(t, s)
}
