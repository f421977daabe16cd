package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func wantChanged(t *testing.T, dir string, words ...string) {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err == nil {
		data := s.Current().Data
		s.Close()
		t.Fatalf("opened, and serves %.20q", data)
	}
	if !errors.Is(err, ErrChanged) {
		t.Fatalf("error is %v, want ErrChanged", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error does not say %q: %v", word, err)
		}
	}
}

func TestChangedWhileStopped(t *testing.T) {
	for _, state := range []string{"the state", largeState("s")} {
		for name, change := range map[string]string{
			"truncated":        state[:len(state)-1],
			"emptied":          "",
			"one byte":         "X" + state[1:],
			"longer":           state + "x",
			"an older version": "older",
		} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(state)), func(t *testing.T) {
				dir := closedDirectory(t, "older", state)
				writeFile(t, dir, FileName, change)
				wantChanged(t, dir, FileName, "delete slots")
				wantFile(t, dir, change)
				wantChanged(t, dir) // the refusal itself has changed nothing
			})
		}
	}
}

// The way out that the refusal names: delete what is not believed.
func TestDeleteWhatIsNotBelieved(t *testing.T) {
	dir := closedDirectory(t, "the state")
	writeFile(t, dir, FileName, "a backup")
	wantChanged(t, dir, "delete slots", "delete statefile")
	removeFile(t, dir, FileName)
	s := openStore(t, Options{Dir: dir})
	wantState(t, s, "the state")
	wantFile(t, dir, "the state")
	closeStore(t, s)

	writeFile(t, dir, FileName, "a backup")
	removeFile(t, dir, slotsName)
	s = openStore(t, Options{Dir: dir})
	wantState(t, s, "a backup")
	replace(t, s, Condition{}, "later")
	closeStore(t, s)
	wantFile(t, dir, "later")
}

func TestFileFromElsewhereIsTaken(t *testing.T) {
	for name, dir := range map[string]string{"never opened": t.TempDir(), "opened once": closedDirectory(t)} {
		writeFile(t, dir, FileName, "from the article's program")
		modified := time.Unix(1500000000, 0)
		if err := os.Chtimes(filepath.Join(dir, FileName), modified, modified); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			wantState(t, s, "from the article's program")
			if got := s.Current().Modified; !got.Equal(modified) {
				t.Errorf("%s: modified %v", name, got)
			}
			crash(t, s)
		}
	}
}

func TestFileFromElsewhereTooLarge(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, FileName, "123456")
	if _, err := Open(Options{Dir: dir, MaxSize: 5}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
	openStore(t, Options{Dir: dir, MaxSize: 6})
}

func TestDamagedSlots(t *testing.T) {
	for name, damage := range map[string]func(string) string{
		"emptied":   func(string) string { return "" },
		"truncated": func(s string) string { return s[:len(s)-1] },
		"extended":  func(s string) string { return s + "x" },
		"zeros":     func(s string) string { return strings.Repeat("\x00", len(s)) },
		// The record of the last version gone, the one before it is whole and
		// would be served if the file did not tell.
		"newest record lost": func(s string) string { return s[:slotSize] + strings.Repeat("\x00", slotSize) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := closedDirectory(t, "1", "2", "3")
			raw, err := os.ReadFile(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir, slotsName, damage(string(raw)))
			wantChanged(t, dir, slotsName)
		})
	}
}

func TestOddFiles(t *testing.T) {
	for _, name := range []string{FileName, slotsName} {
		dir := closedDirectory(t, "x")
		removeFile(t, dir, name)
		if err := os.Symlink("/etc/hostname", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		wantChanged(t, dir, name, "regular")
	}
}

func TestLeftOverFiles(t *testing.T) {
	dir := closedDirectory(t, "kept")
	writeFile(t, dir, newFile, "torn")
	writeFile(t, dir, newSlots, "torn")
	s := openStore(t, Options{Dir: dir})
	wantState(t, s, "kept")
	wantOnly(t, dir, FileName, slotsName)

	writeFile(t, dir, newFile, "torn")
	replace(t, s, Condition{}, largeState("x"))
	wantState(t, s, largeState("x"))
	closeStore(t, s)
	wantFile(t, dir, largeState("x"))
}

func TestWrongOwner(t *testing.T) {
	dir := "/"
	if os.Geteuid() == 0 {
		dir = t.TempDir()
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrOwner) {
		t.Errorf("error is %v", err)
	}
}

func TestClockMayJump(t *testing.T) {
	dir := closedDirectory(t, "one")
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "two")
	// As if the clock had been a century ahead for this write.
	r := newPendingWrite(Condition{}, []byte("three"))
	s.mu.Lock()
	last, _ := evaluate([]*pendingWrite{r}, s.Current(), s.storage.sequence)
	last.Modified = last.Modified.AddDate(100, 0, 0)
	err := s.persist(last, r.enqueuedAt)
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	replace(t, s, Condition{}, "four")
	crash(t, s)
	s = openStore(t, Options{Dir: dir})
	wantState(t, s, "four")
	if got := s.Current().Modified; time.Since(got).Abs() > time.Hour {
		t.Errorf("modified %v", got)
	}
}

// breakSlots makes the next write fail as a failed device does: the store's
// descriptor no longer takes writes.
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

func TestRecoversFromAFailedWrite(t *testing.T) {
	for _, data := range []string{"small", largeState("l")} {
		dir := t.TempDir()
		s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
		for _, before := range []string{"before", largeState("b")} {
			replace(t, s, Condition{}, before)
			old, err := os.Stat(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			breakSlots(t, s)
			if _, err := s.Replace(context.Background(), Condition{}, []byte(data)); !errors.Is(err, ErrFailed) {
				t.Fatalf("error is %v", err)
			}
			wantState(t, s, before)
			if err := s.Check(); !errors.Is(err, ErrFailed) {
				t.Errorf("Check says %v", err)
			}
			replace(t, s, Condition{IfMatch: []string{newVersion([]byte(before)).ETag}}, data)
			if err := s.Check(); err != nil {
				t.Errorf("Check says %v", err)
			}
			new, err := os.Stat(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			if os.SameFile(old, new) {
				t.Error("the file that failed is still used")
			}
		}
		crash(t, s)
		s = openStore(t, Options{Dir: dir})
		wantState(t, s, data)
		closeStore(t, s)
		wantFile(t, dir, data)
	}
}

// After a failure nothing that readers have seen may be taken back, whatever is
// found on the disk then.
func TestRecoveryNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "one")
	old, err := os.ReadFile(filepath.Join(dir, slotsName))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, s, Condition{}, "two")
	replace(t, s, Condition{}, "three")
	breakSlots(t, s)
	if _, err := s.Replace(context.Background(), Condition{}, []byte("four")); !errors.Is(err, ErrFailed) {
		t.Fatalf("error is %v", err)
	}
	writeFile(t, dir, slotsName, string(old))
	if _, err := s.Replace(context.Background(), Condition{}, []byte("five")); !errors.Is(err, ErrChanged) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "three")
}

func TestCloseAfterAFailureRecovers(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "kept")
	breakSlots(t, s)
	if _, err := s.Replace(context.Background(), Condition{}, []byte("failed")); !errors.Is(err, ErrFailed) {
		t.Fatalf("error is %v", err)
	}
	closeStore(t, s)
	wantFile(t, dir, "kept")
}
