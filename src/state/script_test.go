package state

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// scriptVersions are the versions that runScript writes, in their order. Together
// they take every path that a write has.
var scriptVersions = []struct {
	name  string
	large bool // does not fit a slot
	after string
}{
	{"1", false, ""}, {"2", false, ""}, {"3", false, "checkpoint"}, {"4", true, ""}, {"5", false, ""},
	{"6", true, ""}, {"7", true, "restart"}, {"8", false, ""}, {"9", false, "checkpoint"}, {"10", false, ""},
}

// scriptData returns the data of a version of the script.
func scriptData(name string) string {
	for _, v := range scriptVersions {
		if v.name == name && v.large {
			return name + "\n" + strings.Repeat("large"+name, inlineSize/5)
		}
	}
	return name + "\n"
}

// scriptName returns the name of a version of the script, "0" if there is no
// version, and a description if the data are not whole.
func scriptName(v *Version) string {
	if v == nil {
		return "0"
	}
	name, _, _ := strings.Cut(string(v.Data), "\n")
	if string(v.Data) != scriptData(name) {
		return fmt.Sprintf("torn:%.40q(%d)", v.Data, len(v.Data))
	}
	return name
}

// runScript writes the versions of the script. Its lines are R name after Open,
// A name for a write that has succeeded and X name error for one that has
// failed, G name for the version that is current then, Z error after closing,
// and F error if the store cannot be opened.
//
// It does the work of the commit loop itself, on one thread, because strace(1)
// counts the calls of each thread apart.
func runScript(dir string) {
	runtime.LockOSThread()
	s := openInScript(dir)
	for _, v := range scriptVersions {
		w := pendingOf([]byte(scriptData(v.name)))
		s.commitBatch([]*pendingWrite{w})
		if w.err != nil {
			printLine("X %s %v", v.name, w.err)
		} else {
			printLine("A %s", v.name)
		}
		printLine("G %s", scriptName(s.Current()))
		switch v.after {
		case "checkpoint":
			s.runCheckpoint()
		case "restart":
			printLine("Z %v", s.closeStorage())
			s = openInScript(dir)
		}
	}
	printLine("Z %v", s.closeStorage())
}

func openInScript(dir string) *Store {
	s, err := open(Options{Dir: dir, CheckpointDelay: noCheckpoint})
	if err != nil {
		printLine("F %v", err)
		os.Exit(0)
	}
	printLine("R %s", scriptName(s.Current()))
	return s
}

// A scriptResult is what the lines of a script allow to be found afterwards. The
// names of the versions are their numbers.
type scriptResult struct {
	durable   int    // the newest version that was acknowledged or read
	attempted int    // the newest version that was written, with or without success
	closed    bool   // the last line is a Close without error
	failures  int    // number of writes that have failed
	violation string // a line that the guarantees do not allow
}

func parseScript(lines []string) scriptResult {
	var r scriptResult
	for _, line := range lines {
		kind, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, " ")
		r.closed = kind == "Z" && name == "<nil>"
		if kind == "Z" || kind == "F" {
			continue
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			r.violation = line
			return r
		}
		switch kind {
		case "A":
			r.durable, r.attempted = n, n
		case "X":
			r.attempted = n
			r.failures++
		case "R", "G":
			if line == lines[0] {
				r.attempted = n // the state that the directory had before the script
			}
			if n < r.durable || n > r.attempted {
				r.violation = fmt.Sprintf("%s, after %d was durable and %d attempted", line, r.durable, r.attempted)
				return r
			}
			r.durable = n
		}
	}
	return r
}

// wantDurable opens the directory that a script has left and compares the state
// with the result of the script.
func wantDurable(t *testing.T, dir string, r scriptResult) {
	t.Helper()
	if r.violation != "" {
		t.Errorf("script: %s", r.violation)
		return
	}
	if r.closed && r.durable > 0 {
		wantFile(t, dir, scriptData(strconv.Itoa(r.durable)))
	}
	s, err := open(Options{Dir: dir, CheckpointDelay: noCheckpoint})
	if err != nil {
		t.Errorf("cannot be opened: %v", err)
		return
	}
	defer s.Close()
	name := scriptName(s.Current())
	n, err := strconv.Atoi(name)
	// A write that was in progress may have happened without a line.
	if err != nil || n < r.durable || n > max(r.attempted, r.durable)+1 {
		t.Errorf("found version %s, after %d was durable and %d attempted", name, r.durable, r.attempted)
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if n > 0 && (err != nil || string(raw) != scriptData(name)) {
		t.Errorf("%s is not the state after recovery: %v", FileName, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestScriptWithoutFaults(t *testing.T) {
	for _, v := range scriptVersions {
		if fits := len(scriptData(v.name)) <= inlineSize; fits == v.large {
			t.Fatalf("version %s has %d bytes", v.name, len(scriptData(v.name)))
		}
	}
	dir := t.TempDir()
	r := parseScript(startChild(t, modeScript, dir, 0).readAll())
	if r.durable != len(scriptVersions) || !r.closed {
		t.Errorf("without a fault: %+v", r)
	}
	wantDurable(t, dir, r)
}
