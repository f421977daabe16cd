package state

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// Tests in which a process has to die start this test binary again as a child
// process. The child opens a store and writes a line to its standard output for
// each thing it does. It writes the line of a call before the call, and the line
// of a result after the result, so that the order of the lines is a possible
// order of the events.
const (
	childMode = "FOOBAR_STATE_CHILD"
	childDir  = "FOOBAR_STATE_DIR"
	childSeed = "FOOBAR_STATE_SEED"
)

// The modes of a child process.
const (
	modeClients       = "clients"        // runClients
	modeScript        = "script"         // runScript
	modeRecover       = "recover"        // open a store and close it
	modeRequests      = "requests"       // runRequests
	modeUnsyncedWrite = "unsynced write" // runUnsyncedWrites
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	switch os.Getenv(childMode) {
	case "":
		os.Exit(m.Run())
	case modeClients:
		runClients(dir, parseSeed(os.Getenv(childSeed)))
	case modeScript:
		runScript(dir)
	case modeRecover:
		runtime.LockOSThread()
		printLine("Z %v", openInScript(dir).closeStorage())
	case modeRequests:
		runRequests(dir, parseSeed(os.Getenv(childSeed)))
	case modeUnsyncedWrite:
		runUnsyncedWrites(dir, os.Getenv(childSeed))
	}
}

func parseSeed(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func printLine(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

// A child is a child process, in a process group of its own.
type child struct {
	cmd   *exec.Cmd
	lines chan string
}

// startChild starts a child process, by way of the wrapper command if there is
// one.
func startChild(t testing.TB, mode, dir string, seed uint64, wrapper ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrapper, self)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDir+"="+dir, fmt.Sprintf("%s=%d", childSeed, seed), "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: make(chan string, 1<<16)}
	go func() {
		defer close(c.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			c.lines <- in.Text()
		}
	}()
	return c
}

func (c *child) kill() { syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// readLines returns the next n lines, or fewer if the process ends.
func (c *child) readLines(n int) []string {
	var lines []string
	for range n {
		line, more := <-c.lines
		if !more {
			break
		}
		lines = append(lines, line)
	}
	return lines
}

// readAll returns the remaining lines after the process has ended.
func (c *child) readAll() []string {
	var lines []string
	for line := range c.lines {
		lines = append(lines, line)
	}
	c.cmd.Wait()
	return lines
}
