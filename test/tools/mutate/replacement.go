package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startLimit ends the wait for a process that takes milliseconds to start.
const startLimit = 20 * time.Second

// wait returns at SIGTERM.
func wait() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}

// replacement is the drop-in by which the unit starts the process that waits, whatever
// its conditions are.
func (s subject) replacement() string {
	return filepath.Join("/run/systemd/system", s.unit+".d", "90-replacement.conf")
}

// startReplacement starts the unit with a process of this program, which must be mounted
// over the unit's own, and returns the number of the process.
func (s subject) startReplacement() (int, error) {
	u := append(unit{{"Unit", "ConditionPathExists", ""}, {"Service", "ExecStart", ""}, {"Service", "ExecStart", s.program + " -wait"}}, s.extra...)
	if err := os.MkdirAll(filepath.Dir(s.replacement()), 0o755); err != nil {
		return 0, err
	}
	if err := os.WriteFile(s.replacement(), []byte(u.text()), 0o644); err != nil {
		return 0, err
	}
	if _, err := output("systemctl", "daemon-reload"); err != nil {
		return 0, err
	}
	// A failure of the start before would be taken for one of this start. The command
	// fails if systemd has not loaded the unit.
	_, _ = output("systemctl", "reset-failed", s.unit)
	if _, err := output("systemctl", "restart", "--no-block", s.unit); err != nil {
		return 0, err
	}
	return s.awaitProgram("/proc/self/exe")
}

// awaitProgram waits until the process of the unit runs a program in Go, and returns its
// number. Before, the process is systemd's, which sets the sandbox up.
func (s subject) awaitProgram(program string) (int, error) {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		pid, err := s.pid()
		if err != nil {
			return 0, err
		}
		if pid != 0 && runs(pid, program) {
			return pid, nil
		}
		if err := s.failure(); err != nil {
			return 0, fmt.Errorf("%s does not start: %w", s.unit, err)
		}
	}
	return 0, errors.New(s.unit + " does not start in time")
}

// runs reports whether a process runs a program in Go, and execve(2) has ended: the
// kernel sets the file of the program first, and the environment later. The runtime of
// Go handles signals from its start on, and execve(2) removes all handlers.
func runs(pid int, program string) bool {
	want, err := os.Stat(program)
	if err != nil {
		return false
	}
	proc := fmt.Sprintf("/proc/%d/", pid)
	is, err := os.Stat(proc + "exe")
	if err != nil || !os.SameFile(want, is) {
		return false
	}
	handled, err := eachLine(proc+"status", func(line string) string {
		mask, found := strings.CutPrefix(line, "SigCgt:\t") // in hexadecimal
		if !found {
			return ""
		}
		return strings.Trim(mask, "0")
	})
	return err == nil && len(handled) > 0
}

// removeReplacement stops the unit, and leaves it as it was.
func (s subject) removeReplacement() error {
	_, stopErr := output("systemctl", "stop", s.unit)
	removeErr := os.Remove(s.replacement())
	_, reloadErr := output("systemctl", "daemon-reload")
	return errors.Join(stopErr, removeErr, reloadErr)
}
