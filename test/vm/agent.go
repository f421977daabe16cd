//go:build vm

package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// WaitUp waits until the machine has booted and systemd has no jobs left.
func (m *Machine) WaitUp(t testing.TB) {
	t.Helper()
	m.waitForAgent(t)
	m.Shell(t, "systemctl is-system-running --wait || true")
}

// waitForAgent waits until the console says that the agent can be reached: a
// connection to a machine without a network would hang.
func (m *Machine) waitForAgent(t testing.TB) {
	t.Helper()
	m.eventually(t, platformOf(*arch).bootTime, func() error {
		console, err := os.ReadFile(m.console())
		if err == nil && !bytes.Contains(console, []byte("The agent can be reached.")) {
			err = errors.New("the console does not say that the agent can be reached")
		}
		return err
	})
}

// Shell runs a bash(1) script as root, with -eu and pipefail, and returns its
// output. The test fails if the script does.
func (m *Machine) Shell(t testing.TB, script string) string {
	t.Helper()
	out, err := m.run(script, 5*time.Minute)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// run runs a script through the machine's agent.
func (m *Machine) run(script string, limit time.Duration) (string, error) {
	conn, err := net.Dial("tcp", m.Address(agentPort))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(conn, script); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return string(answer), err
	}
	i := bytes.LastIndex(answer, []byte("\nexit "))
	if i < 0 {
		return string(answer), errors.New("the agent closed the connection without an exit status")
	}
	out, status := string(answer[:i]), strings.TrimSpace(string(answer[i+len("\nexit "):]))
	if code, err := strconv.Atoi(status); err != nil || code != 0 {
		return out, fmt.Errorf("exit status %s", status)
	}
	return out, nil
}

// eventually waits until check succeeds. A failure includes the last lines of
// qemu and of the machine's console.
func (m *Machine) eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v\n%s%s", limit, err, m.logTail(platformOf(*arch).qemu+".log"), m.logTail("console"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// logTail returns the end of one of the machine's logs.
func (m *Machine) logTail(name string) string {
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
