//go:build testbed

package compatibility

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service is foobar by hand on the loopback interface.
type service struct {
	binary, socket    string
	cert, key, token  string // cert and key are files
	port, metricsPort string
}

// startService builds the program and runs it until the test ends.
func startService(t *testing.T, fastPath bool) *service {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	s := &service{binary: in("foobar"), socket: in("admin.sock"), cert: in("credentials/cert"), key: in("credentials/key")}
	output(t, "", "go", "build", "-o", s.binary, "../../src/foobar")
	for _, name := range []string{"credentials", "data"} {
		if err := os.Mkdir(in(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "", s.binary, "init-credentials", "-dir", in("credentials"), "-host", "localhost")
	token, err := os.ReadFile(in("credentials/token"))
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(token))
	if err := os.WriteFile(in("conf.yaml"), fmt.Appendf(nil, "http:\n  fast_path: %v\n", fastPath), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(s.binary, "-config", in("conf.yaml"), "-data", in("data"), "-cert", s.cert, "-key", s.key, "-token", in("credentials/token"),
		"-listen", "127.0.0.1:0", "-metrics-listen", "127.0.0.1:0", "-admin-listen", s.socket)
	log := &logFile{ports: make(chan [2]string, 3)}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the service: %v\n%s", err, log.text.String())
		}
	})
	s.awaitListeners(t, log)
	return s
}

// A logFile keeps what the service logs, and the ports of its listeners.
type logFile struct {
	text  bytes.Buffer
	ports chan [2]string // listener and port
}

// Write takes the entries that end in b. The service writes whole lines.
func (l *logFile) Write(b []byte) (int, error) {
	l.text.Write(b)
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var entry struct{ Listener, Address string }
		if json.Unmarshal(lines.Bytes(), &entry) != nil || entry.Listener == "" {
			continue
		}
		l.ports <- [2]string{entry.Listener, entry.Address[strings.LastIndex(entry.Address, ":")+1:]}
	}
	return len(b), nil
}

// awaitListeners waits until the log names the address of each listener.
func (s *service) awaitListeners(t *testing.T, log *logFile) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for range 3 {
		select {
		case p := <-log.ports:
			switch p[0] {
			case "https":
				s.port = p[1]
			case "metrics":
				s.metricsPort = p[1]
			}
		case <-timeout:
			t.Fatal("the service does not listen after 20 s")
		}
	}
}

// setState stores a state by the administration socket.
func (s *service) setState(t *testing.T, state string) {
	t.Helper()
	output(t, state, s.binary, "put", "-socket", s.socket)
}

func (s *service) state(t *testing.T) string {
	t.Helper()
	return output(t, "", s.binary, "get", "-socket", s.socket)
}

// output runs a command, which must succeed, and returns its standard output.
func output(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}
