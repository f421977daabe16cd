package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A record of a script says what its lines allow to be found afterwards.
type account struct {
	answered int    // the newest version that was answered or shown
	last     int    // the newest version that was attempted
	stopped  bool   // the last thing was a clean stop
	failed   int    // how many writes failed
	wrong    string // what contradicts the contract in the lines themselves
}

func accountOf(lines []string) account {
	var a account
	for _, line := range lines {
		kind, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, " ")
		a.stopped = kind == "Z" && name == "<nil>"
		if kind == "Z" || kind == "F" {
			continue
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			a.wrong = line
			return a
		}
		switch kind {
		case "A":
			a.answered, a.last = n, n
		case "X":
			a.last = n
			a.failed++
		case "R", "G":
			if line == lines[0] {
				a.last = n // from whatever was there before
			}
			if n < a.answered || n > a.last {
				a.wrong = fmt.Sprintf("%s, after %d was answered and %d tried", line, a.answered, a.last)
				return a
			}
			a.answered = n
		}
	}
	return a
}

// wantKept opens what a script has left and compares it with what the script
// said.
func wantKept(t *testing.T, dir string, a account) {
	t.Helper()
	if a.wrong != "" {
		t.Errorf("script: %s", a.wrong)
		return
	}
	if a.stopped && a.answered > 0 {
		wantFile(t, dir, contentsOf(a.answered))
	}
	s, err := Open(Options{Dir: dir, CheckpointDelay: noCheckpoint})
	if err != nil {
		t.Errorf("cannot be opened: %v", err)
		return
	}
	defer s.Close()
	n, err := strconv.Atoi(scriptedName(s.Current()))
	// A write that was under way may have happened without a word.
	if err != nil || n < a.answered || n > max(a.last, a.answered)+1 {
		t.Errorf("found %s, after %d was answered and %d tried", scriptedName(s.Current()), a.answered, a.last)
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if n > 0 && (err != nil || string(raw) != contentsOf(n)) {
		t.Errorf("%s is not the state after recovery: %v", FileName, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func contentsOf(n int) string {
	if n == 0 {
		return ""
	}
	return contents(strconv.Itoa(n))
}

func TestScript(t *testing.T) {
	for _, v := range scripted {
		if fits := len(contents(v.name)) <= inlineSize; fits == v.large {
			t.Fatalf("version %s has %d bytes", v.name, len(contents(v.name)))
		}
	}
	dir := t.TempDir()
	a := accountOf(start(t, "script", dir, 0).rest())
	if a.answered != len(scripted) || !a.stopped {
		t.Errorf("without any fault: %+v", a)
	}
	wantKept(t, dir, a)
}
