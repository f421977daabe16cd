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

// reloadLimit bounds the time until changed credentials are in use:
// foobar-credentials-reload.service checks them twice.
const reloadLimit = 30 * time.Second

// A service is foobar, or an instance of it, on a machine, with a client that
// verifies its certificate and knows its token.
type service struct {
	*testbed.Machine
	client *http.Client
	token  string
	url    string
}

// running installs, enables and starts the service on a new machine.
func running(t *testing.T, release string) *service {
	t.Helper()
	return connect(t, machines.Running(t, release))
}

// connect makes a client for the service on a machine.
func connect(t *testing.T, m *testbed.Machine) *service {
	t.Helper()
	return connectTo(t, m, credsDir, baseURL)
}

// connectTo makes a client for the service whose credentials are in dir.
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

// do sends a request whose response must have a status.
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

// store replaces the state.
func (s *service) store(t *testing.T, state string) {
	t.Helper()
	if r := s.do(t, 200, "POST", "/", state, s.bearer()); r.text != "ok" {
		t.Fatalf("the response to POST is %q, want ok", r.text)
	}
}

// expectState reads the state, which must be the given one.
func (s *service) expectState(t *testing.T, state string) {
	t.Helper()
	if r := s.do(t, 200, "GET", "/", ""); r.text != state {
		t.Fatalf("the response to GET is %.100q (%d bytes), want %.100q (%d bytes)", r.text, len(r.text), state, len(state))
	}
}

// awaitReady waits until the service responds to reads.
func (s *service) awaitReady(t *testing.T) {
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

func expectProperty(t *testing.T, m *testbed.Machine, property, want string) {
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

// countStarts returns how often systemd has started foobar.service since boot.
func countStarts(t *testing.T, m *testbed.Machine) int {
	t.Helper()
	m.Exec(t, "journalctl", "--sync")
	// SD_MESSAGE_UNIT_STARTING of sd-messages.h
	out := m.Exec(t, "journalctl", "--no-pager", "-q", "-b", "-o", "cat", "UNIT=foobar.service",
		"MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5")
	return strings.Count(out, "\n")
}

// dropIn writes an administrator's drop-in for a unit.
func dropIn(t *testing.T, m *testbed.Machine, unit, text string) {
	t.Helper()
	m.Write(t, "/etc/systemd/system/"+unit+".d/50-test.conf", text)
	m.Exec(t, "systemctl", "daemon-reload")
}

func expectContains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s: no %q in\n%s", what, part, text)
	}
}

// mode returns a file's mode and owner, such as "600 root:root".
func mode(path string, m *testbed.Machine, t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(m.Exec(t, "stat", "-c", "%a %U:%G", path))
}

// setting returns a conf.yaml with one key.
func setting(section, key, value string) string {
	return fmt.Sprintf("%s:\n  %s: %s\n", section, key, value)
}
