//go:build faults

package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestEverySystemCallFails runs the script once for each system call that it makes
// on the state directory and for each fault: strace(1) makes the call fail or
// kills the process at the call. The guarantees of the package have to hold.
func TestEverySystemCallFails(t *testing.T) {
	requireTools(t, "strace")
	calls := callsOfScript(t)
	if len(calls) < 100 {
		t.Fatalf("strace has seen only %d calls on the state directory", len(calls))
	}
	var faults []string
	total := map[string]int{}
	for _, call := range calls {
		total[call]++
		n := total[call]
		faults = append(faults, fmt.Sprintf("%s:error=EIO:when=%d", call, n))
		switch call {
		case "write", "pwrite64", "openat", "renameat", "fsync", "fdatasync", "unlinkat":
			faults = append(faults,
				fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, n),
				fmt.Sprintf("%s:error=ENOSPC:when=%d", call, n),
				fmt.Sprintf("%s:error=EIO:when=%d+", call, n),
				fmt.Sprintf("%s:error=EROFS:when=%d+", call, n))
		}
	}
	t.Logf("%d calls, %v; %d faults", len(calls), total, len(faults))
	inParallel(faults, func(fault string) {
		dir := t.TempDir()
		lines := startChild(t, modeScript, dir, 0, straceArgs(dir, "-e", "inject="+fault)...).readAll()
		before := t.Failed()
		r := parseScript(lines)
		wantDurable(t, dir, r)
		if r.failures > 1 && !strings.HasSuffix(fault, "+") {
			t.Errorf("one fault has made %d writes fail", r.failures)
		}
		if t.Failed() && !before {
			t.Logf("with %s:\n%s", fault, strings.Join(lines, "\n"))
		}
	})
}

// inParallel calls do for each fault, three at a time.
func inParallel(faults []string, do func(string)) {
	todo := make(chan string)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for fault := range todo {
				do(fault)
			}
		})
	}
	for _, fault := range faults {
		todo <- fault
	}
	close(todo)
	wg.Wait()
}

// TestFailedSyncIsNotRepeated lets fdatasync fail. The kernel then marks the pages clean,
// so that a second fdatasync on the same file would succeed without a write.
func TestFailedSyncIsNotRepeated(t *testing.T) {
	requireTools(t, "strace")
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	lines := startChild(t, modeScript, dir, 0, straceArgs(dir, "-o", trace, "-y", "-e", "inject=fdatasync:error=EIO:when=2")...).readAll()
	if got := strings.Join(lines, "\n"); !strings.Contains(got, "X 2 ") || !strings.Contains(got, "A 3") {
		t.Errorf("want write 2 to fail and write 3 to succeed:\n%s", got)
	}
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(raw), "(INJECTED)")
	if !found {
		t.Fatal("strace has injected no fault")
	}
	renamed := strings.Index(after, "renameat(")
	again := strings.Index(after, "fdatasync(")
	if renamed < 0 || again < renamed {
		t.Errorf("fdatasync was called again before a new file was renamed into place:\n%.2000s", after)
	}
	wantDurable(t, dir, parseScript(lines))
}

// TestFailedWriteIsNotRecovered lets fdatasync fail and starts another process. The page
// cache still has the write, which the process must not take for durable.
func TestFailedWriteIsNotRecovered(t *testing.T) {
	requireTools(t, "strace")
	dir := t.TempDir()
	// The second fdatasync fails, and the process is killed before it recovers.
	c := startChild(t, modeScript, dir, 0, straceArgs(dir, "-e", "inject=fdatasync:error=EIO:when=2", "-e", "inject=renameat:signal=SIGKILL:when=2")...)
	r := parseScript(c.readAll())
	if r.durable != 1 || r.attempted != 2 {
		t.Fatalf("script: %+v", r)
	}
	s, err := open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantState(t, s, scriptData("1"))
}
