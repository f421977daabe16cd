package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// serverCore is the core that every server has to itself; bench/run puts this
// program and the clients that it starts on another.
const serverCore = "0"

// A process is a server that this program started, with its children.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan struct{}
}

// onServerCore starts a command that runs until stop.
func onServerCore(args ...string) (*process, error) {
	p := &process{cmd: exec.Command("taskset", append([]string{"-c", serverCore}, args...)...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// As many threads as cores, where the runtime would not see it by itself.
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	// It must not outlive this program, however that ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // it ends because it is told to, or check finds it gone
		close(p.ended)
	}()
	return p, nil
}

// onAllCores is a command that is not bound to the clients' core, as this
// program is.
func onAllCores(args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", fmt.Sprintf("0-%d", len(allCores())-1)}, args...)...)
}

func allCores() []string {
	cores, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*") // the pattern is fine
	return cores
}

// quietly runs a command, whose output is of interest if it fails.
func quietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// limits are podman's options for limits no higher than this process has:
// podman's own defaults raise them, which not every root may do. Podman lowers
// its own number of processes to the kernel's highest process number, which is
// 32768 or more.
func limits() []string {
	var options []string
	for name, resource := range map[string]int{"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC} {
		var limit unix.Rlimit
		if err := unix.Getrlimit(resource, &limit); err == nil && limit.Max < 1<<31 {
			options = append(options, "--ulimit", fmt.Sprintf("%s=%d:%[2]d", name, min(limit.Max, 32768)))
		}
	}
	return options
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// check says why the process is gone, if it is.
func (p *process) check() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended:\n%s", p.cmd.Args[3], p.output.String())
	default:
		return nil
	}
}

// pids are the process and its children.
func (p *process) pids() []int {
	pids := []int{p.cmd.Process.Pid}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[0]))
	for _, file := range children {
		text, _ := os.ReadFile(file) // gone: no children
		for _, child := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// cpu is the time that processes have spent on a core; proc(5) has it per
// thread, in nanoseconds.
func cpu(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, file := range tasks {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // the thread ended since
			}
			ns, _, _ := strings.Cut(string(text), " ")
			n, err := strconv.ParseInt(ns, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", file, err)
			}
			sum += time.Duration(n)
		}
	}
	if sum == 0 {
		return 0, errors.New("the server has no process")
	}
	return sum, nil
}

// memory is what processes have in memory, in bytes: what several share is
// counted once (Pss of proc_pid_smaps(5)), so it is the resident set of one
// process that shares nothing.
func memory(pids []int) (float64, error) {
	var sum float64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				kib, err := strconv.ParseFloat(fields[1], 64)
				if err != nil {
					return 0, err
				}
				sum += kib * 1024
			}
		}
	}
	return sum, nil
}
