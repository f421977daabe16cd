package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// never keeps the checkpoint away, so that FileName stays behind.
const never = time.Hour

func open(t testing.TB, o Options) *Store {
	t.Helper()
	o.Log = func(message string, err error) { t.Logf("log: %s: %v", message, err) }
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// crash leaves the directory as SIGKILL does: what is written stays, nothing is
// tidied up, the lock is gone. The store must have no write under way.
func crash(t testing.TB, s *Store) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk.close()
}

func replace(t testing.TB, s *Store, c Condition, data string) *Version {
	t.Helper()
	v, err := s.Replace(context.Background(), c, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t testing.TB, dir, want string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || string(raw) != want {
		t.Errorf("%s holds %.20q (%d bytes, %v), want %.20q (%d bytes)", FileName, raw, len(raw), err, want, len(want))
	}
}

func wantState(t testing.TB, s *Store, want string) {
	t.Helper()
	v := s.Current()
	if v == nil {
		t.Fatalf("there is no state, want %.20q", want)
	}
	if string(v.Data) != want {
		t.Fatalf("state is %.20q (%d bytes), want %.20q (%d bytes)", v.Data, len(v.Data), want, len(want))
	}
}

// large does not fit a slot.
func large(fill string) string { return strings.Repeat(fill, inlineSize) + fill }

func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s := open(t, Options{Dir: dir})
		if v := s.Current(); v != nil {
			t.Errorf("state before the first write is %+v", v)
		}
		closeStore(t, s)
		if _, err := os.Stat(filepath.Join(dir, FileName)); err == nil {
			t.Errorf("%s exists before the first write", FileName)
		}
	}
}

// sizes has each path of a write, and the limits between them.
var sizes = []string{
	"hello",
	"",
	string(bytes.Repeat([]byte{0, 1, 255}, 1000)),
	strings.Repeat("x", inlineSize),
	strings.Repeat("y", inlineSize+1),
	large("z"),
	"small again",
}

func TestReplaceSurvivesACleanStop(t *testing.T) {
	dir := t.TempDir()
	for _, data := range sizes {
		s := open(t, Options{Dir: dir})
		v := replace(t, s, Condition{}, data)
		if s.Current() != v {
			t.Errorf("current is not what was written (%d bytes)", len(data))
		}
		closeStore(t, s)
		wantFile(t, dir, data)
		s = open(t, Options{Dir: dir})
		wantState(t, s, data)
		if got := s.Current(); got.ETag != v.ETag || !got.Modified.Equal(v.Modified) {
			t.Errorf("after reopening %s of %v, want %s of %v", got.ETag, got.Modified, v.ETag, v.Modified)
		}
		closeStore(t, s)
		wantOnly(t, dir, FileName, slotsName)
	}
}

func TestReplaceSurvivesACrash(t *testing.T) {
	dir := t.TempDir()
	for i, data := range sizes {
		for range 3 { // in a row, so that both slots are used
			s := open(t, Options{Dir: dir, CheckpointDelay: never})
			replace(t, s, Condition{}, fmt.Sprint("before ", i))
			replace(t, s, Condition{}, data)
			crash(t, s)
			s = open(t, Options{Dir: dir, CheckpointDelay: never})
			wantState(t, s, data)
			wantFile(t, dir, data)
			wantOnly(t, dir, FileName, slotsName)
			crash(t, s)
		}
	}
}

func wantOnly(t testing.TB, dir string, want ...string) {
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
	if !(len(names) == 1 && names[0] == slotsName) && strings.Join(names, " ") != strings.Join([]string{slotsName, FileName}, " ") {
		t.Errorf("the directory holds %v, want %v", names, want)
	}
}

func TestFileFollowsSoon(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointDelay: 5 * time.Millisecond})
	for _, data := range []string{"one", "two", large("3"), "four"} {
		replace(t, s, Condition{}, data)
		deadline := time.Now().Add(5 * time.Second)
		for time.Now().Before(deadline) {
			if raw, _ := os.ReadFile(filepath.Join(dir, FileName)); string(raw) == data {
				break
			}
			time.Sleep(time.Millisecond)
		}
		wantFile(t, dir, data)
	}
}

func TestETagIsOfTheContent(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	a, b, c := replace(t, s, Condition{}, "a"), replace(t, s, Condition{}, "b"), replace(t, s, Condition{}, "a")
	if a.ETag == b.ETag || a.ETag != c.ETag {
		t.Errorf("ETags are %s, %s, %s", a.ETag, b.ETag, c.ETag)
	}
	if len(a.ETag) < 34 || a.ETag[0] != '"' || a.ETag[len(a.ETag)-1] != '"' {
		t.Errorf("ETag is %s", a.ETag)
	}
}

func TestConditions(t *testing.T) {
	v := newVersion([]byte("x"))
	for _, c := range []struct {
		name   string
		c      Condition
		empty  bool // holds before the first write
		exists bool // holds for v
	}{
		{"none", Condition{}, true, true},
		{"If-Match *", Condition{IfMatch: []string{"*"}}, false, true},
		{"If-Match its tag", Condition{IfMatch: []string{`"a"`, v.ETag}}, false, true},
		{"If-Match another", Condition{IfMatch: []string{`"a"`}}, false, false},
		{"If-Match weak", Condition{IfMatch: []string{"W/" + v.ETag}}, false, false},
		{"If-Match nothing", Condition{IfMatch: []string{}}, false, false},
		{"If-None-Match *", Condition{IfNoneMatch: []string{"*"}}, true, false},
		{"If-None-Match its tag", Condition{IfNoneMatch: []string{`"a"`, v.ETag}}, true, false},
		{"If-None-Match weak", Condition{IfNoneMatch: []string{"W/" + v.ETag}}, true, false},
		{"If-None-Match another", Condition{IfNoneMatch: []string{`"a"`}}, true, true},
		{"both, first fails", Condition{IfMatch: []string{`"a"`}, IfNoneMatch: []string{`"a"`}}, false, false},
		{"both hold", Condition{IfMatch: []string{"*"}, IfNoneMatch: []string{`"a"`}}, false, true},
	} {
		if got := c.c.Holds(nil); got != c.empty {
			t.Errorf("%s: holds before the first write: %v", c.name, got)
		}
		if got := c.c.Holds(v); got != c.exists {
			t.Errorf("%s: holds: %v", c.name, got)
		}
	}
}

func TestRefusedConditionChangesNothing(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	before := replace(t, s, Condition{IfNoneMatch: []string{"*"}}, "first")
	_, err := s.Replace(context.Background(), Condition{IfNoneMatch: []string{"*"}}, []byte("second"))
	if !errors.Is(err, ErrPrecondition) || s.Current() != before {
		t.Errorf("error %v, state %s", err, s.Current().Data)
	}
}

func TestCompareAndSwapCountsEveryWriter(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	replace(t, s, Condition{}, "0")
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

func TestCancelledBeforeTheCommit(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Replace(ctx, Condition{}, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if s.Current() != nil {
		t.Error("the write happened")
	}
}

func TestTooLarge(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), MaxSize: 5})
	replace(t, s, Condition{}, "12345")
	if _, err := s.Replace(context.Background(), Condition{}, []byte("123456")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "12345")
}

func TestLimitLoweredKeepsTheState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	replace(t, s, Condition{}, large("x"))
	closeStore(t, s)
	wantState(t, open(t, Options{Dir: dir, MaxSize: 10}), large("x"))
}

func TestClosed(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	replace(t, s, Condition{}, "x")
	closeStore(t, s)
	closeStore(t, s)
	if _, err := s.Replace(context.Background(), Condition{}, []byte("y")); !errors.Is(err, ErrClosed) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "x")
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), file} {
		if _, err := Open(Options{Dir: path}); err == nil {
			t.Errorf("Open(%s): no error", path)
		}
	}
}

func TestOneStoreToADirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: %v", err)
	}
	closeStore(t, s)
	open(t, Options{Dir: dir})
}

func TestCommitIsReported(t *testing.T) {
	type report struct {
		total, synced time.Duration
		size          int
	}
	reports := make(chan report, 10)
	s := open(t, Options{Dir: t.TempDir(), OnCommit: func(t, f time.Duration, n int) { reports <- report{t, f, n} }})
	replace(t, s, Condition{}, "hello")
	if r := <-reports; r.size != 5 || r.synced <= 0 || r.total < r.synced {
		t.Errorf("reported total %v, fsync %v, size %d", r.total, r.synced, r.size)
	}
}
