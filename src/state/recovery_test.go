package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wantChanged expects Open to return ErrChanged with a message that has the words.
func wantChanged(t *testing.T, dir string, words ...string) {
	t.Helper()
	s, err := open(Options{Dir: dir})
	if err == nil {
		data := s.Current().Data
		s.Close()
		t.Fatalf("Open has accepted the directory, with the state %.20q", data)
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

func TestFileChangedWhileClosed(t *testing.T) {
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
				wantChanged(t, dir) // the refusal has changed nothing
			})
		}
	}
}

// TestDirectoryInThePlaceOfAFile puts a directory, with a file in it, in the place
// of each file.
func TestDirectoryInThePlaceOfAFile(t *testing.T) {
	for _, name := range []string{FileName, slotsName, newSlots} {
		t.Run(name, func(t *testing.T) {
			dir := closedDirectory(t, "the state")
			os.Remove(filepath.Join(dir, name))
			if err := os.MkdirAll(filepath.Join(dir, name, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			wantChanged(t, dir, name)
		})
	}
}

// TestDeletingTheWrongFileHelps deletes the files that the error of a refusal names. Each
// of the two ways works.
func TestDeletingTheWrongFileHelps(t *testing.T) {
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
	replace(t, s, nil, "later")
	closeStore(t, s)
	wantFile(t, dir, "later")
}

func TestFileOfAnotherProgramBecomesTheState(t *testing.T) {
	for name, dir := range map[string]string{"never opened": t.TempDir(), "opened once": closedDirectory(t)} {
		writeFile(t, dir, FileName, "of another program")
		modified := time.Unix(1500000000, 0)
		if err := os.Chtimes(filepath.Join(dir, FileName), modified, modified); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from slots
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			wantState(t, s, "of another program")
			if got := s.Current().Modified; !got.Equal(modified) {
				t.Errorf("%s: modified %v", name, got)
			}
			crash(t, s)
		}
	}
}

// TestFileTooLargeToRead checks that a file which has no record, and which no memory
// could hold, is an error and not the end of the process.
func TestFileTooLargeToRead(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, FileName, "")
	if err := os.Truncate(filepath.Join(dir, FileName), 1<<40); err != nil {
		t.Skip(err)
	}
	wantChanged(t, dir, FileName, "1099511627776 bytes", "at most 1073741824")
}

func TestDamagedSlots(t *testing.T) {
	for name, damage := range map[string]func(string) string{
		"emptied":   func(string) string { return "" },
		"truncated": func(s string) string { return s[:len(s)-1] },
		"extended":  func(s string) string { return s + "x" },
		"zeros":     func(s string) string { return strings.Repeat("\x00", len(s)) },
		// The record before it is whole, and would be served if FileName did not
		// have a newer version.
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

func TestSymbolicLinksAreRefused(t *testing.T) {
	for _, name := range []string{FileName, slotsName} {
		dir := closedDirectory(t, "x")
		removeFile(t, dir, name)
		if err := os.Symlink("/etc/hostname", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		wantChanged(t, dir, name, "regular")
	}
}

func TestTemporaryFilesOfACrash(t *testing.T) {
	dir := closedDirectory(t, "kept")
	writeFile(t, dir, newFile, "torn")
	writeFile(t, dir, newSlots, "torn")
	s := openStore(t, Options{Dir: dir})
	wantState(t, s, "kept")
	wantNames(t, dir, slotsName, FileName)

	writeFile(t, dir, newFile, "torn")
	replace(t, s, nil, largeState("x"))
	wantState(t, s, largeState("x"))
	closeStore(t, s)
	wantFile(t, dir, largeState("x"))
}

func TestDirectoryOfAnotherUser(t *testing.T) {
	dir := "/"
	if os.Geteuid() == 0 {
		dir = t.TempDir()
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(Options{Dir: dir}); !errors.Is(err, ErrOwner) {
		t.Errorf("error is %v", err)
	}
}

// TestFileOfRoot restores a backup as root, by a copy. The service's user cannot read the
// copy, and may not change its owner.
func TestFileOfRoot(t *testing.T) {
	for _, name := range []string{FileName, slotsName} {
		dir := closedDirectory(t, "x")
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("chown -R --reference=%[1]s/ %[1]s/", dir)
		withoutPrivileges(t, dir, func() {
			if _, err := open(Options{Dir: dir}); !errors.Is(err, ErrOwner) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want ErrOwner with %s", name, err, want)
			}
		})
	}
}

// withoutPrivileges calls f as a user that is not root and owns dir.
func withoutPrivileges(t *testing.T, dir string, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const user = 12345
	err := errors.Join(os.Chown(dir, user, user), os.Chmod(filepath.Dir(dir), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The system call changes the user of this thread only, which ends with
		// the goroutine.
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), user, ^uintptr(0)); errno != 0 {
			t.Error(errno)
			return
		}
		f()
	}()
	<-done
}

func TestClockThatGoesBack(t *testing.T) {
	dir := closedDirectory(t, "one")
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "two")
	// The clock is a century ahead for this write.
	r := pendingOf([]byte("three"))
	s.mu.Lock()
	last := evaluate([]*pendingWrite{r}, s.Current(), s.storage.sequence)
	last.Modified = last.Modified.AddDate(100, 0, 0)
	err := s.persist(last, r.enqueuedAt)
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	replace(t, s, nil, "four")
	crash(t, s)
	s = openStore(t, Options{Dir: dir})
	wantState(t, s, "four")
	if got := s.Current().Modified; time.Since(got).Abs() > time.Hour {
		t.Errorf("modified %v", got)
	}
}
