//go:build faults

package state

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestEverySystemCallFails has strace(1) fail, or kill the process at, each
// system call that the script makes on the state directory and its files, one
// after the other, and asserts the contract.
func TestEverySystemCallFails(t *testing.T) {
	needTool(t, "strace")
	calls := callsOf(t)
	if len(calls) < 100 {
		t.Fatalf("only %d calls on the state directory seen", len(calls))
	}
	var jobs []string
	total := map[string]int{}
	for _, call := range calls {
		total[call]++
		n := total[call]
		jobs = append(jobs, fmt.Sprintf("%s:error=EIO:when=%d", call, n))
		switch call {
		case "write", "pwrite64", "openat", "renameat", "fsync", "fdatasync", "unlinkat":
			jobs = append(jobs,
				fmt.Sprintf("%s:signal=SIGKILL:when=%d", call, n),
				fmt.Sprintf("%s:error=ENOSPC:when=%d", call, n),
				fmt.Sprintf("%s:error=EIO:when=%d+", call, n),
				fmt.Sprintf("%s:error=EROFS:when=%d+", call, n))
		}
	}
	t.Logf("%d calls, %v; %d faults", len(calls), total, len(jobs))
	inParallel(jobs, func(fault string) {
		dir := t.TempDir()
		lines := start(t, "script", dir, 0, straceArgs(dir, "-e", "inject="+fault)...).rest()
		before := t.Failed()
		a := accountOf(lines)
		wantKept(t, dir, a)
		if a.failed > 1 && !strings.HasSuffix(fault, "+") {
			t.Errorf("one fault has cost %d writes", a.failed)
		}
		if t.Failed() && !before {
			t.Logf("with %s:\n%s", fault, strings.Join(lines, "\n"))
		}
	})
}

func inParallel(jobs []string, do func(string)) {
	todo := make(chan string)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for job := range todo {
				do(job)
			}
		})
	}
	for _, job := range jobs {
		todo <- job
	}
	close(todo)
	wg.Wait()
}

// traced are the calls that can be on the write path or in recovery. close(2) is
// left out: nothing is asked of it after fsync.
const traced = "openat,read,pread64,write,pwrite64,fsync,fdatasync,renameat,renameat2,unlinkat,newfstatat,fstat,flock,getdents64"

// straceArgs limits strace to calls about the directory and the files in it.
func straceArgs(dir string, more ...string) []string {
	args := []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + traced, "-P", dir}
	for _, name := range []string{FileName, newFile, slotsName, newSlots} {
		args = append(args, "-P", filepath.Join(dir, name), "-P", filepath.Join(dir, name)+" (deleted)")
	}
	return append(args, more...)
}

// callsOf returns the calls of a script without faults, in their order.
func callsOf(t *testing.T) []string {
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	start(t, "script", dir, 0, straceArgs(dir, "-o", trace)...).rest()
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(string(raw), -1) {
		calls = append(calls, m[1])
	}
	return calls
}

func needTool(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("this test needs %s: %v", name, err)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts file systems and needs root")
	}
	needTool(t, "unshare", "mount", "umount")
}

// A sync that fails must neither be believed when it is repeated, nor cost what
// was answered, nor let the failed write come back after the process has died,
// although the page cache has it.
func TestFailedSyncIsNotRepeated(t *testing.T) {
	needTool(t, "strace")
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	lines := start(t, "script", dir, 0, straceArgs(dir, "-o", trace, "-y", "-e", "inject=fdatasync:error=EIO:when=2")...).rest()
	if got := strings.Join(lines, "\n"); !strings.Contains(got, "X 2 ") || !strings.Contains(got, "A 3") {
		t.Errorf("want write 2 failed and write 3 answered:\n%s", got)
	}
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(raw), "(INJECTED)")
	if !found {
		t.Fatal("nothing was injected")
	}
	renamed := strings.Index(after, "renameat(")
	again := strings.Index(after, "fdatasync(")
	if renamed < 0 || again < renamed {
		t.Errorf("fdatasync was tried again before there was a new file:\n%.2000s", after)
	}
	wantKept(t, dir, accountOf(lines))
}

func TestFailedWriteDoesNotComeBack(t *testing.T) {
	needTool(t, "strace")
	dir := t.TempDir()
	// The second sync fails, and then the process dies before it can recover.
	c := start(t, "script", dir, 0, straceArgs(dir, "-e", "inject=fdatasync:error=EIO:when=2", "-e", "inject=renameat:signal=SIGKILL:when=2")...)
	a := accountOf(c.rest())
	if a.answered != 1 || a.last != 2 {
		t.Fatalf("script: %+v", a)
	}
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantState(t, s, contents("1"))
}

// run runs a command of the system and returns what it writes.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
