package state

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// noCheckpoint is a CheckpointDelay that no test reaches, so that FileName stays
// outdated.
const noCheckpoint = time.Hour

// pendingOf returns a write of data without a condition.
func pendingOf(data []byte) *pendingWrite {
	return &pendingWrite{version: NewVersion(data), enqueuedAt: time.Now(), done: make(chan struct{})}
}

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	o.Log = func(message string, err error) { t.Logf("log: %s: %v", message, err) }
	s, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// open opens a store with options that a test may leave out.
func open(o Options) (*Store, error) {
	o.CheckpointDelay = cmp.Or(o.CheckpointDelay, time.Second)
	if o.OnCommit == nil {
		o.OnCommit = func(time.Duration, time.Duration, int) {}
	}
	if o.Log == nil {
		o.Log = func(string, error) {}
	}
	return Open(o)
}

// crash leaves the directory as SIGKILL does: written data stay, nothing is
// completed, the lock is released. No write may be in progress.
func crash(t testing.TB, s *Store) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storage.close()
}

func replace(t testing.TB, s *Store, c Condition, data string) *Version {
	t.Helper()
	v, err := s.Replace(context.Background(), c, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ifMatch allows a version with one of the tags.
func ifMatch(tags ...string) Condition {
	return func(v *Version) bool { return v != nil && slices.Contains(tags, v.ETag) }
}

// ifAny is the condition that there is a version.
func ifAny(v *Version) bool { return v != nil }

// ifNone is the condition that there is no version.
func ifNone(v *Version) bool { return v == nil }

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// closedDirectory returns a directory in which a store has written the versions
// and was closed.
func closedDirectory(t *testing.T, versions ...string) string {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir})
	for _, data := range versions {
		replace(t, s, nil, data)
	}
	closeStore(t, s)
	return dir
}

func writeFile(t *testing.T, dir, name, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func removeFile(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
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

// wantFileSoon waits for a checkpoint.
func wantFileSoon(t testing.TB, dir, want string) {
	t.Helper()
	waitUntil(t, FileName+" has the newest version", func() bool {
		raw, _ := os.ReadFile(filepath.Join(dir, FileName))
		return string(raw) == want
	})
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

func waitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !eventually(holds) {
		t.Fatalf("waited in vain until %s", what)
	}
}

// eventually polls a condition until it holds. It returns false if that takes too
// long.
func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(50 * time.Microsecond)
	}
	return true
}

// largeState is a version that does not fit a slot.
func largeState(fill string) string { return strings.Repeat(fill, inlineSize) + fill }

// seededRand returns random numbers and logs the seed that repeats them:
// FOOBAR_SEED=n go test ….
func seededRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("FOOBAR_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("FOOBAR_SEED: %v", err)
		}
	}
	t.Logf("FOOBAR_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
