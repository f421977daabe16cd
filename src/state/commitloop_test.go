package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pile has the committer take the first request and holds it up, and the others
// queue behind it in their order, until s.mu is unlocked.
func queueBehindCommit(t *testing.T, s *Store, requests ...*pendingWrite) {
	t.Helper()
	s.mu.Lock()
	for i, r := range requests {
		if !s.queue.add(r) {
			t.Fatal("the queue is closed")
		}
		for i == 0 && !r.claimed.Load() {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

func pendingWrites(s *Store) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.pending)
}

func writeOf(data string, c Condition) *pendingWrite { return newPendingWrite(c, []byte(data)) }

func TestWritersShareACommit(t *testing.T) {
	commits := make(chan int, 100)
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(_, _ time.Duration, size int) { commits <- size }})
	replace(t, s, Condition{}, "0")
	tag := func(data string) []string { return []string{newVersion([]byte(data)).ETag} }
	requests := []*pendingWrite{
		writeOf("1", Condition{}),
		writeOf("22", Condition{IfMatch: tag("1")}),
		writeOf("333", Condition{IfMatch: tag("1")}), // 22 came between
		writeOf("4444", Condition{IfNoneMatch: []string{"*"}}),
		writeOf("55555", Condition{IfMatch: tag("22")}),
	}
	queueBehindCommit(t, s, requests...)
	s.mu.Unlock()
	for i, want := range []error{nil, nil, ErrPrecondition, ErrPrecondition, nil} {
		<-requests[i].done
		if !errors.Is(requests[i].err, want) {
			t.Errorf("write %d: %v, want %v", i, requests[i].err, want)
		}
	}
	wantState(t, s, "55555")
	if got := s.Current().sequence; got < 4 {
		t.Errorf("versions between were not counted: sequence is %d", got)
	}
	closeStore(t, s)
	close(commits)
	var got []int
	for size := range commits {
		got = append(got, size)
	}
	if fmt.Sprint(got) != "[1 1 5]" {
		t.Errorf("commits had sizes %v, want one for each of 0 and 1, and one for all the others", got)
	}
}

// A refusal tells of the version that caused it, so it has to wait until that
// one is durable, and must not be given if it never is.
func TestRefusalWaitsForItsCause(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir(), CheckpointDelay: noCheckpoint})
	requests := []*pendingWrite{
		writeOf("first", Condition{}),
		writeOf("second", Condition{}),
		writeOf("third", Condition{IfMatch: []string{newVersion([]byte("first")).ETag}}),
	}
	queueBehindCommit(t, s, requests...)
	os.Remove(filepath.Join(s.options.Dir, slotsName))
	s.mu.Unlock()
	for i, r := range requests {
		<-r.done
		if !errors.Is(r.err, ErrChanged) {
			t.Errorf("write %d: %v, want ErrChanged", i, r.err)
		}
	}
	if s.Current() != nil {
		t.Error("a write was shown that was not committed")
	}
}

func TestRefusalAloneWritesNothing(t *testing.T) {
	wrote := 0
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(time.Duration, time.Duration, int) { wrote++ }})
	_, err := s.Replace(context.Background(), Condition{IfMatch: []string{"*"}}, []byte("x"))
	closeStore(t, s)
	if !errors.Is(err, ErrPrecondition) || wrote != 0 {
		t.Errorf("error %v, %d commits", err, wrote)
	}
}

func TestWithdrawnWriteDoesNotHappen(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	first := writeOf("first", Condition{})
	queueBehindCommit(t, s, first)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := s.Replace(ctx, Condition{}, []byte("withdrawn"))
		result <- err
	}()
	for pendingWrites(s) != 1 {
		time.Sleep(50 * time.Microsecond)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	s.mu.Unlock()
	<-first.done
	closeStore(t, s)
	wantState(t, s, "first")
}

// Once the commit has begun nobody can say that the write did not happen, so
// Replace stays for the answer.
func TestCancelledDuringTheCommitIsAnswered(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	r := newPendingWrite(Condition{}, []byte("x"))
	queueBehindCommit(t, s, r)
	cancel()
	result := make(chan error, 1)
	go func() {
		_, err := r.wait(ctx)
		result <- err
	}()
	time.Sleep(20 * time.Millisecond)
	early := len(result) > 0
	s.mu.Unlock()
	if err := <-result; err != nil || early {
		t.Errorf("answered %v, during the commit: %v", err, early)
	}
	wantState(t, s, "x")
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	requests := []*pendingWrite{writeOf("a", Condition{}), writeOf("b", Condition{}), writeOf("c", Condition{})}
	queueBehindCommit(t, s, requests...)
	s.queue.close()
	s.mu.Unlock()
	closeStore(t, s)
	for i, r := range requests {
		<-r.done
		if r.err != nil {
			t.Errorf("write %d: %v", i, r.err)
		}
	}
	wantFile(t, dir, "c")
}
