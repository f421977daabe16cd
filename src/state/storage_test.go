package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesChangedWhileOpen(t *testing.T) {
	path := func(dir, name string) string { return filepath.Join(dir, name) }
	for name, change := range map[string]func(t *testing.T, dir string){
		"written over":   func(t *testing.T, dir string) { writeFile(t, dir, FileName, "changed") },
		"same size":      func(t *testing.T, dir string) { writeFile(t, dir, FileName, "STATE") },
		"truncated":      func(t *testing.T, dir string) { writeFile(t, dir, FileName, "") },
		"slots deleted":  func(t *testing.T, dir string) { removeFile(t, dir, slotsName) },
		"slots emptied":  func(t *testing.T, dir string) { writeFile(t, dir, slotsName, "") },
		"slots longer":   func(t *testing.T, dir string) { writeFile(t, dir, slotsName, string(make([]byte, slotsSize+1))) },
		"slots replaced": func(t *testing.T, dir string) { replaceByCopy(t, path(dir, slotsName)) },
		"all deleted": func(t *testing.T, dir string) {
			removeFile(t, dir, FileName)
			removeFile(t, dir, slotsName)
		},
		"renamed over": func(t *testing.T, dir string) {
			writeFile(t, dir, "x", "changed")
			if err := os.Rename(path(dir, "x"), path(dir, FileName)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := closedDirectory(t, "state")
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			checkUntilRemembered(t, s)
			change(t, dir)
			if err := s.Check(t.Context()); !errors.Is(err, ErrChanged) {
				t.Errorf("Check says %v", err)
			}
			for _, data := range []string{"small", largeState("x")} {
				if _, err := s.Replace(context.Background(), nil, []byte(data)); !errors.Is(err, ErrChanged) {
					t.Errorf("Replace says %v", err)
				}
			}
			wantState(t, s, "state")
			if err := s.Close(); !errors.Is(err, ErrChanged) {
				t.Errorf("Close says %v", err)
			}
		})
	}
}

// checkUntilRemembered returns once the store looks at the directory alone, and no more
// at the file of slots in it.
func checkUntilRemembered(t *testing.T, s *Store) {
	t.Helper()
	for remembered := false; !remembered; {
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		remembered = s.storage.dirIdentity != fileIdentity{}
		s.mu.Unlock()
	}
}

// TestFileDeletedWhileOpen deletes the file while the store is open. Writes are refused
// until the service is restarted. The stop restores the file, without which a large
// version would be lost.
func TestFileDeletedWhileOpen(t *testing.T) {
	for _, state := range []string{"state", largeState("s")} {
		dir := closedDirectory(t, "before", state)
		s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
		removeFile(t, dir, FileName)
		if err := s.Check(t.Context()); !errors.Is(err, ErrChanged) {
			t.Errorf("Check says %v", err)
		}
		if _, err := s.Replace(context.Background(), nil, []byte("next")); !errors.Is(err, ErrChanged) {
			t.Errorf("Replace says %v", err)
		}
		wantState(t, s, state)
		closeStore(t, s)
		wantFile(t, dir, state)
		wantState(t, openStore(t, Options{Dir: dir}), state)
	}
}

// replaceByCopy replaces a file by a copy of itself.
func replaceByCopy(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".copy", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".copy", path); err != nil {
		t.Fatal(err)
	}
}

func TestChangedMetadataIsNoChange(t *testing.T) {
	dir := closedDirectory(t, "state")
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	file := filepath.Join(dir, FileName)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, filepath.Join(dir, "backup")); err != nil {
		t.Fatal(err)
	}
	replaceByCopy(t, file)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	replace(t, s, nil, "next")
	closeStore(t, s)
	wantFile(t, dir, "next")
}

func TestCheckpointKeepsAFileOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "state")
	writeFile(t, dir, FileName, "of another program")
	s.runCheckpoint()
	wantFile(t, dir, "of another program")
	if err := s.Close(); !errors.Is(err, ErrChanged) {
		t.Errorf("Close says %v", err)
	}
	wantFile(t, dir, "of another program")
	wantChanged(t, dir)
}
