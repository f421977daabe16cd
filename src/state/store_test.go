package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNoStateBeforeTheFirstWrite(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s := openStore(t, Options{Dir: dir})
		if v := s.Current(); v != nil {
			t.Errorf("Current before the first write is %+v", v)
		}
		closeStore(t, s)
		if _, err := os.Stat(filepath.Join(dir, FileName)); err == nil {
			t.Errorf("%s exists before the first write", FileName)
		}
	}
}

// statesOfAllSizes take every path that a write has.
var statesOfAllSizes = []string{
	"hello",
	"",
	string(bytes.Repeat([]byte{0, 1, 255}, 1000)),
	strings.Repeat("x", inlineSize),
	strings.Repeat("y", inlineSize+1),
	largeState("z"),
	"small again",
}

func TestStateAfterClose(t *testing.T) {
	dir := t.TempDir()
	for _, data := range statesOfAllSizes {
		s := openStore(t, Options{Dir: dir})
		v := replace(t, s, nil, data)
		if s.Current() != v {
			t.Errorf("Current is not the version that was written (%d bytes)", len(data))
		}
		closeStore(t, s)
		wantFile(t, dir, data)
		s = openStore(t, Options{Dir: dir})
		wantState(t, s, data)
		if got := s.Current(); got.ETag != v.ETag || !got.Modified.Equal(v.Modified) {
			t.Errorf("after reopening %s of %v, want %s of %v", got.ETag, got.Modified, v.ETag, v.Modified)
		}
		closeStore(t, s)
		wantNames(t, dir, slotsName, FileName)
	}
}

func TestStateAfterCrash(t *testing.T) {
	dir := t.TempDir()
	for i, data := range statesOfAllSizes {
		for range 3 { // so that both slots are written
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			replace(t, s, nil, fmt.Sprint("before ", i))
			replace(t, s, nil, data)
			crash(t, s)
			s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			wantState(t, s, data)
			wantFile(t, dir, data)
			wantNames(t, dir, slotsName, FileName)
			crash(t, s)
		}
	}
}

// wantNames expects the files in alphabetical order, each with mode 0600.
func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("the directory has the files %v, want %v", names, want)
	}
}

func TestCheckpointFollowsEachWrite(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: 5 * time.Millisecond})
	for _, data := range []string{"one", "two", largeState("3"), "four"} {
		replace(t, s, nil, data)
		wantFileSoon(t, dir, data)
	}
}

func TestETagDependsOnTheContent(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	a, b, c := replace(t, s, nil, "a"), replace(t, s, nil, "b"), replace(t, s, nil, "a")
	if a.ETag == b.ETag || a.ETag != c.ETag {
		t.Errorf("ETags are %s, %s, %s", a.ETag, b.ETag, c.ETag)
	}
	if len(a.ETag) < 34 || a.ETag[0] != '"' || a.ETag[len(a.ETag)-1] != '"' {
		t.Errorf("ETag is %s", a.ETag)
	}
}

func TestRefusedWriteChangesNothing(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	before := replace(t, s, ifNone, "first")
	_, err := s.Replace(context.Background(), ifNone, []byte("second"))
	if !errors.Is(err, ErrPrecondition) || s.Current() != before {
		t.Errorf("error %v, state %s", err, s.Current().Data)
	}
}

func TestCompareAndSwap(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	replace(t, s, nil, "0")
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				increment(t, s)
			}
		})
	}
	wg.Wait()
	wantState(t, s, fmt.Sprint(writers*each))
}

// increment adds one to the number that is the state, however many attempts it
// takes.
func increment(t *testing.T, s *Store) {
	for {
		v := s.Current()
		var n int
		fmt.Sscan(string(v.Data), &n)
		_, err := s.Replace(context.Background(), ifMatch(v.ETag), fmt.Append(nil, n+1))
		if err == nil {
			return
		}
		if !errors.Is(err, ErrPrecondition) {
			t.Error(err)
			return
		}
	}
}

func TestContextThatHasEnded(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Replace(ctx, nil, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if s.Current() != nil {
		t.Error("the write has happened")
	}
}

func TestReplaceAfterClose(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	replace(t, s, nil, "x")
	closeStore(t, s)
	closeStore(t, s)
	if _, err := s.Replace(context.Background(), nil, []byte("y")); !errors.Is(err, ErrClosed) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "x")
}

func TestOpenNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), file} {
		if _, err := open(Options{Dir: path}); err == nil {
			t.Errorf("Open(%s): no error", path)
		}
	}
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir})
	if _, err := open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: %v", err)
	}
	closeStore(t, s)
	openStore(t, Options{Dir: dir})
}

func TestOnCommit(t *testing.T) {
	type report struct {
		total, synced time.Duration
		size          int
	}
	reports := make(chan report, 10)
	s := openStore(t, Options{Dir: t.TempDir(), OnCommit: func(total, synced time.Duration, size int) { reports <- report{total, synced, size} }})
	replace(t, s, nil, "hello")
	if r := <-reports; r.size != 5 || r.synced <= 0 || r.total < r.synced {
		t.Errorf("OnCommit was called with total %v, synced %v, size %d", r.total, r.synced, r.size)
	}
}
