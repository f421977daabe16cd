package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Each server runs on the one core, this program and the clients that it starts
// on the other: bench/run starts it there. Several machines share both.
const (
	serverCore = "0"
	clientCore = "1"
	bothCores  = serverCore + "," + clientCore
)

// A process is a server that this program started, with its children.
type process struct {
	name   string
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan struct{}
}

// start starts a command on the cores of the servers. It runs until stop.
func (w *workdir) start(name string, args []string) (*process, error) {
	p := &process{name: name, cmd: exec.Command("taskset", append([]string{"-c", w.cores}, args...)...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// The Go runtime counts the machine's cores where it cannot see its own.
	p.cmd.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", 1+strings.Count(w.cores, ",")))
	// The server must not outlive this program, however this program ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // check reports a server that ended by itself
		close(p.ended)
	}()
	return p, nil
}

// stop ends the process and its children.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// check returns an error if the process has ended.
func (p *process) check() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended:\n%s", p.name, p.output.String())
	default:
		return nil
	}
}

// pids returns the process and its children.
func (p *process) pids() []int {
	pids := []int{p.cmd.Process.Pid}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[0]))
	for _, file := range children {
		text, _ := os.ReadFile(file) // the thread has ended: no children
		for _, child := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// onAllCores returns a command that may use every core, unlike this program.
func onAllCores(args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", fmt.Sprintf("0-%d", countCores()-1)}, args...)...)
}

func countCores() int {
	cores, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*") // the pattern is valid
	return len(cores)
}

// runQuiet runs a command; its output is part of the error if it fails.
func runQuiet(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
