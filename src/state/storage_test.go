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

func TestChangedWhileOpen(t *testing.T) {
	path := func(dir, name string) string { return filepath.Join(dir, name) }
	for name, change := range map[string]func(t *testing.T, dir string){
		"written over":   func(t *testing.T, dir string) { writeFile(t, dir, FileName, "changed") },
		"same size":      func(t *testing.T, dir string) { writeFile(t, dir, FileName, "STATE") },
		"truncated":      func(t *testing.T, dir string) { writeFile(t, dir, FileName, "") },
		"deleted":        func(t *testing.T, dir string) { removeFile(t, dir, FileName) },
		"slots deleted":  func(t *testing.T, dir string) { removeFile(t, dir, slotsName) },
		"slots emptied":  func(t *testing.T, dir string) { writeFile(t, dir, slotsName, "") },
		"slots replaced": func(t *testing.T, dir string) { copyOver(t, path(dir, slotsName)) },
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
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			change(t, dir)
			if err := s.Check(); !errors.Is(err, ErrChanged) {
				t.Errorf("Check says %v", err)
			}
			for _, data := range []string{"small", largeState("x")} {
				if _, err := s.Replace(context.Background(), Condition{}, []byte(data)); !errors.Is(err, ErrChanged) {
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

// copyOver replaces a file by an equal one, as restoring it does.
func copyOver(t *testing.T, path string) {
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

func TestTouchedOnlyIsNotChanged(t *testing.T) {
	dir := closedDirectory(t, "state")
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	file := filepath.Join(dir, FileName)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, filepath.Join(dir, "backup")); err != nil {
		t.Fatal(err)
	}
	copyOver(t, file)
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	replace(t, s, Condition{}, "next")
	closeStore(t, s)
	wantFile(t, dir, "next")
}

// The checkpoint has to leave alone what something else has put there.
func TestCheckpointDoesNotWriteOverAForeignFile(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "state")
	writeFile(t, dir, FileName, "by hand")
	s.runCheckpoint()
	wantFile(t, dir, "by hand")
	if err := s.Close(); !errors.Is(err, ErrChanged) {
		t.Errorf("Close says %v", err)
	}
	wantFile(t, dir, "by hand")
	wantChanged(t, dir)
}

// A checkpoint that fails before its rename costs no write, and is made up for.
func TestCheckpointThatFails(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	obstacle := filepath.Join(dir, newFile)
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		replace(t, s, Condition{}, fmt.Sprint(i))
		time.Sleep(3 * time.Millisecond)
	}
	if _, err := s.Replace(context.Background(), Condition{}, []byte(largeState("x"))); !errors.Is(err, ErrFailed) {
		t.Errorf("large write: %v", err)
	}
	wantState(t, s, "4")
	if err := os.Rename(obstacle, filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		if raw, _ := os.ReadFile(filepath.Join(dir, FileName)); string(raw) == "4" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	wantFile(t, dir, "4")
	closeStore(t, s)
}
