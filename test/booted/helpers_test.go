//go:build testbed

package booted

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

const (
	confFile  = "/etc/foobar/conf.yaml"
	credsDir  = "/etc/foobar/credentials"
	stateFile = "/var/lib/foobar/statefile"
	baseURL   = "https://localhost:8080"
	metrics   = "http://127.0.0.1:8081"
)

// A service is foobar, or an instance of it, up on a machine, with a client
// that verifies its certificate and knows its token.
type service struct {
	*testbed.Machine
	client *http.Client
	token  string
	url    string
}

// running returns the service, installed, enabled and started.
func running(t *testing.T, release string) *service {
	t.Helper()
	return connect(t, machines.Running(t, release))
}

// connect makes a client for the service on a machine.
func connect(t *testing.T, m *testbed.Machine) *service {
	t.Helper()
	return connectTo(t, m, credsDir, baseURL)
}

// connectTo makes a client for the service that has its credentials in dir.
func connectTo(t *testing.T, m *testbed.Machine, dir, url string) *service {
	t.Helper()
	return &service{m, m.Client(t, dir+"/cert"), strings.TrimSpace(m.Read(t, dir+"/token")), url}
}

type response struct {
	*http.Response
	text string
}

// send sends a request with header fields such as "If-Match: *".
func (s *service) send(method, url, body string, fields ...string) (response, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for _, f := range fields {
		if name, value, ok := strings.Cut(f, ": "); ok {
			req.Header.Add(name, value)
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return response{resp, string(text)}, err
}

// do sends a request that must be answered with status.
func (s *service) do(t *testing.T, status int, method, path, body string, fields ...string) response {
	t.Helper()
	resp, err := s.send(method, s.url+path, body, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s: status %d %q, want %d", method, path, resp.StatusCode, resp.text, status)
	}
	return resp
}

func (s *service) bearer() string { return "Authorization: Bearer " + s.token }

// store replaces the state, which must be answered with ok.
func (s *service) store(t *testing.T, state string) {
	t.Helper()
	if r := s.do(t, 200, "POST", "/", state, s.bearer()); r.text != "ok" {
		t.Fatalf("POST answers %q, want ok", r.text)
	}
}

// holds checks what the service's state is.
func (s *service) holds(t *testing.T, state string) {
	t.Helper()
	if r := s.do(t, 200, "GET", "/", ""); r.text != state {
		t.Fatalf("GET answers %.100q (%d bytes), want %.100q (%d bytes)", r.text, len(r.text), state, len(state))
	}
}

// returns waits until the service answers reads again.
func (s *service) returns(t *testing.T) {
	t.Helper()
	testbed.Eventually(t, 30*time.Second, func() string {
		resp, err := s.send("GET", s.url+"/", "")
		if err != nil {
			return err.Error()
		}
		if resp.StatusCode != 200 && resp.StatusCode != 404 {
			return resp.Status
		}
		return ""
	})
}

// show returns a property of foobar.service, systemctl(1).
func show(t *testing.T, m *testbed.Machine, property string) string {
	t.Helper()
	return showUnit(t, m, "foobar.service", property)
}

func showUnit(t *testing.T, m *testbed.Machine, unit, property string) string {
	t.Helper()
	return strings.TrimSpace(m.Exec(t, "systemctl", "show", "--value", "-p", property, unit))
}

func wantProperty(t *testing.T, m *testbed.Machine, property, want string) {
	t.Helper()
	if got := show(t, m, property); got != want {
		t.Errorf("%s=%s, want %s", property, got, want)
	}
}

// journal returns the messages of foobar.service since boot, selected by
// further arguments of journalctl(1).
func journal(t *testing.T, m *testbed.Machine, args ...string) string {
	t.Helper()
	m.Exec(t, "journalctl", "--sync")
	return m.Exec(t, append([]string{"journalctl", "--no-pager", "-q", "-b", "-o", "cat", "-u", "foobar.service"}, args...)...)
}

// starts counts how often systemd began to start foobar.service since boot.
func starts(t *testing.T, m *testbed.Machine) int {
	t.Helper()
	// SD_MESSAGE_UNIT_STARTING of sd-messages.h
	out := m.Exec(t, "journalctl", "--no-pager", "-q", "-b", "-o", "cat", "UNIT=foobar.service",
		"MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5")
	return strings.Count(out, "\n")
}

// dropIn writes a drop-in of the administrator's for a unit.
func dropIn(t *testing.T, m *testbed.Machine, unit, text string) {
	t.Helper()
	m.Write(t, "/etc/systemd/system/"+unit+".d/50-test.conf", text)
	m.Exec(t, "systemctl", "daemon-reload")
}

func wantContains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s: no %q in\n%s", what, part, text)
	}
}

func mode(path string, m *testbed.Machine, t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(m.Exec(t, "stat", "-c", "%a %U:%G", path))
}

func setting(section, key, value string) string {
	return fmt.Sprintf("%s:\n  %s: %s\n", section, key, value)
}

// toSmallDisk has the service keep its state on a disk of 4 MiB.
func (s *service) toSmallDisk(t *testing.T) {
	t.Helper()
	s.Exec(t, "systemctl", "stop", "foobar")
	s.Exec(t, "mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", "/var/lib/private/foobar")
	s.Exec(t, "systemctl", "start", "foobar")
}
