package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// breakSlots makes the next write fail in the way in which a broken device does:
// the store's file descriptor does not accept writes any more.
func breakSlots(t *testing.T, s *Store) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.Open(filepath.Join(s.options.Dir, slotsName))
	if err != nil {
		t.Fatal(err)
	}
	s.storage.slots.file.Close()
	s.storage.slots.file = f
}

func TestWriteAfterAFailedWrite(t *testing.T) {
	for _, data := range []string{"small", largeState("l")} {
		dir := t.TempDir()
		s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
		for _, before := range []string{"before", largeState("b")} {
			version := replace(t, s, nil, before)
			old, err := os.Stat(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			breakSlots(t, s)
			if _, err := s.Replace(context.Background(), nil, []byte(data)); !errors.Is(err, ErrFailed) {
				t.Fatalf("error is %v", err)
			}
			wantState(t, s, before)
			if err := s.Check(t.Context()); !errors.Is(err, ErrFailed) {
				t.Errorf("Check says %v", err)
			}
			_, err = s.Replace(context.Background(), ifNone, nil) // recovers and is refused
			if !errors.Is(err, ErrPrecondition) || s.Current() != version {
				t.Errorf("error is %v; Current has changed: %v", err, s.Current() != version)
			}
			replace(t, s, ifMatch(version.ETag), data)
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("Check says %v", err)
			}
			new, err := os.Stat(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			if os.SameFile(old, new) {
				t.Error("the file that has failed is still in use")
			}
		}
		crash(t, s)
		s = openStore(t, Options{Dir: dir})
		wantState(t, s, data)
		closeStore(t, s)
		wantFile(t, dir, data)
	}
}

// TestRecoveryRefusesOlderSlots leaves an older version on the disk after a failure. The
// recovery must not replace a version that readers have seen by it.
func TestRecoveryRefusesOlderSlots(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "one")
	old, err := os.ReadFile(filepath.Join(dir, slotsName))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, s, nil, "two")
	replace(t, s, nil, "three")
	breakSlots(t, s)
	if _, err := s.Replace(context.Background(), nil, []byte("four")); !errors.Is(err, ErrFailed) {
		t.Fatalf("error is %v", err)
	}
	writeFile(t, dir, slotsName, string(old))
	if _, err := s.Replace(context.Background(), nil, []byte("five")); !errors.Is(err, ErrChanged) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "three")
}

func TestCloseAfterAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "kept")
	breakSlots(t, s)
	if _, err := s.Replace(context.Background(), nil, []byte("failed")); !errors.Is(err, ErrFailed) {
		t.Fatalf("error is %v", err)
	}
	closeStore(t, s)
	wantFile(t, dir, "kept")
}
