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

func TestChoose(t *testing.T) {
	some := func(data string) digest { return digestOf([]byte(data)) }
	absent := digest{}
	inline := record{kind: kindInline, data: some("new"), base: some("old")}
	first := record{kind: kindInline, data: some("new")}
	file := record{kind: kindFile, data: some("new"), base: some("old")}
	firstFile := record{kind: kindFile, data: some("new")}
	for _, c := range []struct {
		name        string
		r           record
		file, fresh digest
		want        source
		err         error
	}{
		{"nothing yet", record{}, absent, absent, fromNothing, nil},
		{"a file before any version", record{}, some("x"), absent, fromForeign, nil},
		{"behind", inline, some("old"), absent, fromSlot, nil},
		{"up to date", inline, some("new"), absent, fromSlot, nil},
		{"deleted", inline, absent, absent, fromSlot, nil},
		{"another", inline, some("x"), absent, 0, ErrChanged},
		{"another, with what would be the new one", inline, some("x"), some("new"), 0, ErrChanged},
		{"first, not yet copied", first, absent, absent, fromSlot, nil},
		{"first, a file came from elsewhere", first, some("x"), absent, 0, ErrChanged},
		{"file in place", file, some("new"), absent, fromFile, nil},
		{"file not renamed yet", file, some("old"), some("new"), fromNew, nil},
		{"file not renamed yet, its data gone", file, some("old"), absent, 0, ErrChanged},
		{"file not renamed yet, its data changed", file, some("old"), some("x"), 0, ErrChanged},
		{"file changed", file, some("x"), absent, 0, ErrChanged},
		{"file deleted", file, absent, absent, 0, ErrChanged},
		{"file deleted, its copy there", file, absent, some("new"), fromNew, nil},
		{"first file not renamed yet", firstFile, absent, some("new"), fromNew, nil},
		{"first file gone", firstFile, absent, absent, 0, ErrChanged},
	} {
		got, err := choose(c.r, c.file, c.fresh)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// stopped returns a directory in which a store has ended with the given state.
func stopped(t *testing.T, versions ...string) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	for _, data := range versions {
		replace(t, s, Condition{}, data)
	}
	closeStore(t, s)
	return dir
}

func put(t *testing.T, dir, name, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

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
	for _, state := range []string{"the state", large("s")} {
		for name, change := range map[string]string{
			"truncated":        state[:len(state)-1],
			"emptied":          "",
			"one byte":         "X" + state[1:],
			"longer":           state + "x",
			"an older version": "older",
		} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(state)), func(t *testing.T) {
				dir := stopped(t, "older", state)
				put(t, dir, FileName, change)
				wantChanged(t, dir, FileName, "delete slots")
				wantFile(t, dir, change)
				wantChanged(t, dir) // the refusal itself has changed nothing
			})
		}
	}
}

// The way out that the refusal names: delete what is not believed.
func TestDeleteWhatIsNotBelieved(t *testing.T) {
	dir := stopped(t, "the state")
	put(t, dir, FileName, "a backup")
	wantChanged(t, dir, "delete slots", "delete statefile")
	remove(t, dir, FileName)
	s := open(t, Options{Dir: dir})
	wantState(t, s, "the state")
	wantFile(t, dir, "the state")
	closeStore(t, s)

	put(t, dir, FileName, "a backup")
	remove(t, dir, slotsName)
	s = open(t, Options{Dir: dir})
	wantState(t, s, "a backup")
	replace(t, s, Condition{}, "later")
	closeStore(t, s)
	wantFile(t, dir, "later")
}

func TestFileFromElsewhereIsTaken(t *testing.T) {
	for name, dir := range map[string]string{"never opened": t.TempDir(), "opened once": stopped(t)} {
		put(t, dir, FileName, "from the article's program")
		modified := time.Unix(1500000000, 0)
		if err := os.Chtimes(filepath.Join(dir, FileName), modified, modified); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s := open(t, Options{Dir: dir, CheckpointDelay: never})
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
	put(t, dir, FileName, "123456")
	if _, err := Open(Options{Dir: dir, MaxSize: 5}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
	open(t, Options{Dir: dir, MaxSize: 6})
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
			dir := stopped(t, "1", "2", "3")
			raw, err := os.ReadFile(filepath.Join(dir, slotsName))
			if err != nil {
				t.Fatal(err)
			}
			put(t, dir, slotsName, damage(string(raw)))
			wantChanged(t, dir, slotsName)
		})
	}
}

func TestOddFiles(t *testing.T) {
	for _, name := range []string{FileName, slotsName} {
		dir := stopped(t, "x")
		remove(t, dir, name)
		if err := os.Symlink("/etc/hostname", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		wantChanged(t, dir, name, "regular")
	}
}

func TestLeftOverFiles(t *testing.T) {
	dir := stopped(t, "kept")
	put(t, dir, newFile, "torn")
	put(t, dir, newSlots, "torn")
	s := open(t, Options{Dir: dir})
	wantState(t, s, "kept")
	wantOnly(t, dir, FileName, slotsName)

	put(t, dir, newFile, "torn")
	replace(t, s, Condition{}, large("x"))
	wantState(t, s, large("x"))
	closeStore(t, s)
	wantFile(t, dir, large("x"))
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

func TestChangedWhileOpen(t *testing.T) {
	path := func(dir, name string) string { return filepath.Join(dir, name) }
	for name, change := range map[string]func(t *testing.T, dir string){
		"written over":   func(t *testing.T, dir string) { put(t, dir, FileName, "changed") },
		"same size":      func(t *testing.T, dir string) { put(t, dir, FileName, "STATE") },
		"truncated":      func(t *testing.T, dir string) { put(t, dir, FileName, "") },
		"deleted":        func(t *testing.T, dir string) { remove(t, dir, FileName) },
		"slots deleted":  func(t *testing.T, dir string) { remove(t, dir, slotsName) },
		"slots emptied":  func(t *testing.T, dir string) { put(t, dir, slotsName, "") },
		"slots replaced": func(t *testing.T, dir string) { copyOver(t, path(dir, slotsName)) },
		"all deleted": func(t *testing.T, dir string) {
			remove(t, dir, FileName)
			remove(t, dir, slotsName)
		},
		"renamed over": func(t *testing.T, dir string) {
			put(t, dir, "x", "changed")
			if err := os.Rename(path(dir, "x"), path(dir, FileName)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stopped(t, "state")
			s := open(t, Options{Dir: dir, CheckpointDelay: never})
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			change(t, dir)
			if err := s.Check(); !errors.Is(err, ErrChanged) {
				t.Errorf("Check says %v", err)
			}
			for _, data := range []string{"small", large("x")} {
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
	dir := stopped(t, "state")
	s := open(t, Options{Dir: dir, CheckpointDelay: never})
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
	s := open(t, Options{Dir: dir, CheckpointDelay: never})
	replace(t, s, Condition{}, "state")
	put(t, dir, FileName, "by hand")
	s.checkpoint()
	wantFile(t, dir, "by hand")
	if err := s.Close(); !errors.Is(err, ErrChanged) {
		t.Errorf("Close says %v", err)
	}
	wantFile(t, dir, "by hand")
	wantChanged(t, dir)
}

func TestClockMayJump(t *testing.T) {
	dir := stopped(t, "one")
	s := open(t, Options{Dir: dir, CheckpointDelay: never})
	replace(t, s, Condition{}, "two")
	// As if the clock had been a century ahead for this write.
	r := newRequest(Condition{}, []byte("three"))
	s.mu.Lock()
	last, _ := judge([]*request{r}, s.Current(), s.disk.committed)
	last.Modified = last.Modified.AddDate(100, 0, 0)
	err := s.write(last, r.since)
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	replace(t, s, Condition{}, "four")
	crash(t, s)
	s = open(t, Options{Dir: dir})
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
	s.disk.slots.file.Close()
	s.disk.slots.file = f
}

func TestRecoversFromAFailedWrite(t *testing.T) {
	for _, data := range []string{"small", large("l")} {
		dir := t.TempDir()
		s := open(t, Options{Dir: dir, CheckpointDelay: never})
		for _, before := range []string{"before", large("b")} {
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
		s = open(t, Options{Dir: dir})
		wantState(t, s, data)
		closeStore(t, s)
		wantFile(t, dir, data)
	}
}

// After a failure nothing that readers have seen may be taken back, whatever is
// found on the disk then.
func TestRecoveryNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointDelay: never})
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
	put(t, dir, slotsName, string(old))
	if _, err := s.Replace(context.Background(), Condition{}, []byte("five")); !errors.Is(err, ErrChanged) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "three")
}

func TestCloseAfterAFailureRecovers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointDelay: never})
	replace(t, s, Condition{}, "kept")
	breakSlots(t, s)
	if _, err := s.Replace(context.Background(), Condition{}, []byte("failed")); !errors.Is(err, ErrFailed) {
		t.Fatalf("error is %v", err)
	}
	closeStore(t, s)
	wantFile(t, dir, "kept")
}

// A checkpoint that fails before its rename costs no write, and is made up for.
func TestCheckpointThatFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointDelay: time.Millisecond})
	obstacle := filepath.Join(dir, newFile)
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		replace(t, s, Condition{}, fmt.Sprint(i))
		time.Sleep(3 * time.Millisecond)
	}
	if _, err := s.Replace(context.Background(), Condition{}, []byte(large("x"))); !errors.Is(err, ErrFailed) {
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
