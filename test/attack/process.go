package attack

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Process is a server that this program has started, with its children. It
// ends with this program.
type Process struct {
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
}

// StartProcess starts a server.
func StartProcess(args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // Err has the outcome
		close(p.ended)
	}()
	return p, nil
}

// Terminate asks the process to end.
func (p *Process) Terminate() { p.cmd.Process.Signal(syscall.SIGTERM) }

// WaitEnd waits until the process has ended. It reports false after d.
func (p *Process) WaitEnd(d time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// ExitCode returns the exit status of a process that has ended.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Stop ends the process, by force if it does not end soon.
func (p *Process) Stop() {
	p.Terminate()
	if !p.WaitEnd(5 * time.Second) {
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// Err returns an error if the process has ended.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s has ended: %v\n%s", p.cmd.Path, p.cmd.ProcessState, p.output.last())
	default:
		return nil
	}
}

// OutputBytes returns how many bytes the process has logged.
func (p *Process) OutputBytes() int64 {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return p.output.total
}

// A Usage is what a process has used since its start.
type Usage struct {
	CPU  time.Duration
	Peak int64 // of the resident set, in bytes
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// ticksPerSecond is USER_HZ of Linux, see proc_pid_stat(5).
const ticksPerSecond = 100

// Usage returns the use of the process and its children that live. What they
// share is counted for each.
func (p *Process) Usage() (Usage, error) {
	pids := []string{strconv.Itoa(p.cmd.Process.Pid)}
	children, _ := filepath.Glob("/proc/" + pids[0] + "/task/*/children") // the pattern is valid
	for _, file := range children {
		text, _ := os.ReadFile(file) // a thread that has ended has no children
		pids = append(pids, strings.Fields(string(text))...)
	}
	var u Usage
	for _, pid := range pids {
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			return u, err
		}
		if m := peak.FindSubmatch(status); m != nil {
			n, _ := strconv.ParseInt(string(m[1]), 10, 64) // digits
			u.Peak += n << 10
		}
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return u, err
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, ticks := range fields[11:13] { // utime and stime
			n, _ := strconv.ParseInt(ticks, 10, 64) // digits
			u.CPU += time.Duration(n) * time.Second / ticksPerSecond
		}
	}
	return u, nil
}

// keptOutput is how many bytes of a process's output are kept.
const keptOutput = 16 << 10

// output counts what is written, and keeps the end of it.
type output struct {
	mu    sync.Mutex
	total int64
	kept  []byte
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total += int64(len(p))
	o.kept = append(o.kept, p...)
	o.kept = o.kept[max(0, len(o.kept)-keptOutput):]
	return len(p), nil
}

func (o *output) last() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.kept)
}

// FreeAddress returns an address of the loopback interface that no program
// listens on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
