//go:build testbed

// Package testbed boots machines by test/machine and drives them: it runs commands,
// reads and writes files, and opens connections in their network. It knows how the
// packages are built and installed, and nothing of what the service does.
// Read testbed.go first.
package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Releases lists the Debian releases of machines.
var Releases = []string{"forky", "sid"}

// commandTimeout is longer than any command in a machine takes. The longest is a
// build of the package without a cache, which may wait for that of another machine.
const commandTimeout = 20 * time.Minute

// A Machine is a booted system. It ends with its standard input, and so with this
// process, whichever way the process ends.
type Machine struct {
	Dir        string
	Release    string
	script     string
	supervisor *exec.Cmd
	stdin      io.Closer
	output     *bytes.Buffer
}

// A Result is the outcome of a command. Code is its exit status, or 128 plus the
// signal that ended it.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// boot starts a machine that lives in dir, which must not hold one yet, and
// returns when it is up. Options are those of `test/machine run`.
func boot(script, release, dir string, options ...string) (*Machine, error) {
	if out, err := exec.Command(script, "build", release).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the root of %s: %w\n%s", release, err, out)
	}
	m := &Machine{Dir: dir, Release: release, script: script, output: &bytes.Buffer{}}
	m.supervisor = exec.Command(script, append([]string{"run", release, dir}, options...)...)
	m.supervisor.Stdout, m.supervisor.Stderr = m.output, m.output
	// In a process group of its own: an interrupt from the terminal ends the
	// machine by its standard input, and not by a signal.
	m.supervisor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := m.supervisor.StdinPipe()
	if err != nil {
		return nil, err
	}
	m.stdin = stdin
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := m.supervisor.Start(); err != nil {
		return nil, err
	}
	if out, err := exec.Command(script, "wait", dir).CombinedOutput(); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s does not boot: %w\n%s%s", release, err, out, m.output)
	}
	return m, nil
}

// Close ends the machine at once, as a power cut would, and keeps its directory.
func (m *Machine) Close() {
	m.stdin.Close()
	_ = m.supervisor.Wait() // the exit status of a supervisor that was stopped means nothing
}

// powerOff shuts the machine down, and keeps its directory.
func (m *Machine) powerOff() error {
	m.Run(Command{Args: []string{"systemctl", "poweroff"}})
	gone := make(chan error, 1)
	go func() { gone <- m.supervisor.Wait() }()
	select {
	case <-gone:
		m.stdin.Close()
		return nil
	case <-time.After(time.Minute):
		m.stdin.Close()
		<-gone
		return errors.New("the machine does not power off")
	}
}

// A Command runs in a machine, as root unless User is set.
type Command struct {
	User  string
	Dir   string
	Env   []string
	Stdin string
	Args  []string
}

// Run runs a command to its end. Code is 127 or 126 if the command cannot be
// started, as in a shell.
func (m *Machine) Run(c Command) Result {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	args := []string{"exec", m.Dir}
	if c.User != "" {
		args = append(args, "-u", c.User)
	}
	if c.Dir != "" {
		args = append(args, "env", "--chdir="+c.Dir)
	}
	if len(c.Env) > 0 {
		args = append(append(args, "env"), c.Env...)
	}
	cmd := exec.CommandContext(ctx, m.script, append(args, c.Args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.Stdin), &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Exited():
		r.Code = exit.ExitCode()
	case errors.As(err, &exit):
		r.Code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	default:
		r.Code, r.Stderr = 255, r.Stderr+err.Error()
	}
	return r
}

// runScript runs a script of bash(1), with -eu and pipefail, in the user's home
// directory.
func (m *Machine) runScript(user, script string) error {
	r := m.Run(Command{User: user, Args: []string{"bash", "-euo", "pipefail", "-c", "cd\n" + script}})
	if r.Code == 0 {
		return nil
	}
	return fmt.Errorf("exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
}

// Try runs a command as root and returns the outcome.
func (m *Machine) Try(args ...string) Result { return m.Run(Command{Args: args}) }

// Exec runs a command as root, which must succeed, and returns its standard
// output.
func (m *Machine) Exec(t testing.TB, args ...string) string {
	t.Helper()
	return m.Must(t, Command{Args: args})
}

// Must runs a command, which must succeed, and returns its standard output.
func (m *Machine) Must(t testing.TB, c Command) string {
	t.Helper()
	r := m.Run(c)
	if r.Code != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", strings.Join(c.Args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Shell runs a script of bash(1) as root, which must succeed, with -eu and
// pipefail.
func (m *Machine) Shell(t testing.TB, script string) string {
	t.Helper()
	return m.Exec(t, "bash", "-euo", "pipefail", "-c", script)
}

// Read returns a file's content.
func (m *Machine) Read(t testing.TB, path string) string {
	t.Helper()
	return m.Exec(t, "cat", "--", path)
}

// Write makes or replaces a file as editors do, by rename, and its directory
// if that is missing.
func (m *Machine) Write(t testing.TB, path, content string) {
	t.Helper()
	m.Exec(t, "mkdir", "-p", filepath.Dir(path))
	m.Must(t, Command{Stdin: content, Args: []string{"bash", "-euc", `cat >"$1.new"; chmod 644 "$1.new"; mv "$1.new" "$1"`, "write", path}})
}

// Reboot reboots the machine in order and returns when it is up again.
func (m *Machine) Reboot(t testing.TB) {
	t.Helper()
	if out, err := exec.Command(m.script, "reboot", m.Dir).CombinedOutput(); err != nil {
		t.Fatalf("reboot: %v\n%s", err, out)
	}
}

// leader is the machine's first process as the host sees it.
func (m *Machine) leader() (string, error) {
	b, err := os.ReadFile(filepath.Join(m.Dir, "leader"))
	return strings.TrimSpace(string(b)), err
}
