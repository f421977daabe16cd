package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func replace(t *testing.T, s *Store, c Condition, data string) *Version {
	t.Helper()
	v, err := s.Replace(context.Background(), c, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEmpty(t *testing.T) {
	if v := open(t, t.TempDir()).Current(); v != nil {
		t.Errorf("state before the first write is %+v", v)
	}
}

func TestReplaceIsThereAfterReopen(t *testing.T) {
	dir := t.TempDir()
	for _, data := range []string{"hello", "", string(bytes.Repeat([]byte{0, 1, 255}, 1<<20))} {
		s := open(t, dir)
		v := replace(t, s, Condition{}, data)
		if got := s.Current(); got != v || string(got.Data) != data {
			t.Errorf("current is not what was written (%d bytes)", len(data))
		}
		raw, err := os.ReadFile(filepath.Join(dir, FileName))
		if err != nil || string(raw) != data {
			t.Errorf("statefile does not hold the raw state (%d bytes): %v", len(data), err)
		}
		again := open(t, dir).Current()
		if again == nil || string(again.Data) != data || again.ETag != v.ETag {
			t.Errorf("state is not the same after reopening (%d bytes)", len(data))
		}
	}
}

func TestETagIsOfTheContent(t *testing.T) {
	s := open(t, t.TempDir())
	a, b, c := replace(t, s, Condition{}, "a"), replace(t, s, Condition{}, "b"), replace(t, s, Condition{}, "a")
	if a.ETag == b.ETag || a.ETag != c.ETag {
		t.Errorf("ETags are %s, %s, %s", a.ETag, b.ETag, c.ETag)
	}
}

func TestConditions(t *testing.T) {
	s := open(t, t.TempDir())
	try := func(c Condition, data string, want error) {
		t.Helper()
		before := s.Current()
		_, err := s.Replace(context.Background(), c, []byte(data))
		if !errors.Is(err, want) {
			t.Fatalf("%+v: error %v, want %v", c, err, want)
		}
		if err != nil && s.Current() != before {
			t.Fatalf("%+v: refused, and changed all the same", c)
		}
	}
	try(Condition{IfMatch: []string{"*"}}, "0", ErrPrecondition)
	try(Condition{IfNoneMatch: []string{"*"}}, "1", nil)
	try(Condition{IfNoneMatch: []string{"*"}}, "2", ErrPrecondition)
	try(Condition{IfMatch: []string{`"other"`}}, "3", ErrPrecondition)
	try(Condition{IfMatch: []string{}}, "3", ErrPrecondition)
	try(Condition{IfMatch: []string{`"other"`, s.Current().ETag}}, "4", nil)
	try(Condition{IfNoneMatch: []string{s.Current().ETag}}, "5", ErrPrecondition)
	try(Condition{IfMatch: []string{"*"}}, "6", nil)
}

func TestCompareAndSwapCountsEveryWriter(t *testing.T) {
	s := open(t, t.TempDir())
	replace(t, s, Condition{}, "0")
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				increment(t, s)
			}
		})
	}
	wg.Wait()
	if got := string(s.Current().Data); got != fmt.Sprint(writers*each) {
		t.Errorf("counted %s, want %d", got, writers*each)
	}
}

func increment(t *testing.T, s *Store) {
	for {
		v := s.Current()
		var n int
		fmt.Sscan(string(v.Data), &n)
		_, err := s.Replace(context.Background(), Condition{IfMatch: []string{v.ETag}}, fmt.Append(nil, n+1))
		if err == nil {
			return
		}
		if !errors.Is(err, ErrPrecondition) {
			t.Error(err)
			return
		}
	}
}

func TestLeftOverTemporaryFileIsTolerated(t *testing.T) {
	dir := t.TempDir()
	replace(t, open(t, dir), Condition{}, "kept")
	left := filepath.Join(dir, ".statefile-123")
	if err := os.WriteFile(left, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := string(open(t, dir).Current().Data); got != "kept" {
		t.Errorf("state is %q", got)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the left-over file is still there")
	}
}

func TestCancelledBeforeTheCommit(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Replace(ctx, Condition{}, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if s.Current() != nil {
		t.Error("the write happened")
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), file} {
		if s, err := Open(Options{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("Open(%s): no error", dir)
		}
	}
}

func TestCommitIsReported(t *testing.T) {
	var total, synced time.Duration
	size := -1
	s, err := Open(Options{Dir: t.TempDir(), Written: func(t, f time.Duration, n int) { total, synced, size = t, f, n }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	replace(t, s, Condition{}, "hello")
	if size != 5 || synced <= 0 || total < synced {
		t.Errorf("reported total %v, fsync %v, size %d", total, synced, size)
	}
}
