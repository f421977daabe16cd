//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A service is one foobar-etcd, asked by its admin socket.
type service struct {
	t       testing.TB
	dir     string // holds conf.yaml, the credentials, the log and admin.sock
	program string
	process *exec.Cmd
	client  *http.Client
}

// build returns the path of foobar-etcd.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "foobar-etcd")
	run(t, "go", "build", "-o", program, "../../src/foobar-etcd")
	return program
}

// newService starts a service. All serve the same state. The settings are further
// lines of the section cluster.
func newService(t testing.TB, c *members, program, settings string) *service {
	t.Helper()
	s := &service{t: t, dir: t.TempDir(), program: program}
	if err := os.MkdirAll(filepath.Join(s.dir, "foobar"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, program, "init-credentials", "-dir", s.dir, "-host", "localhost")
	s.write("conf.yaml", "cluster:\n  endpoints: ["+strings.Join(c.endpoints, ", ")+"]\n"+settings)
	s.use(c.pki, "foobar")
	socket := filepath.Join(s.dir, "admin.sock")
	s.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 100,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// use gives the service the certificate of a user of etcd.
func (s *service) use(pki *authority, user string) {
	for to, from := range map[string]string{"etcd-ca": "ca.pem", "etcd-cert": user + ".pem", "etcd-key": user + ".key"} {
		s.write(to, string(must[[]byte](s.t)(os.ReadFile(pki.file(from)))))
	}
}

func (s *service) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start starts the process, and waits until it accepts connections.
func (s *service) start() {
	s.t.Helper()
	in := func(name string) string { return filepath.Join(s.dir, name) }
	os.Remove(in("admin.sock"))
	log := must[*os.File](s.t)(os.OpenFile(in("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))
	defer log.Close()
	s.process = exec.Command(s.program, "-config", in("conf.yaml"), "-data", in("foobar"), "-cert", in("cert"), "-key", in("key"),
		"-listen", "127.0.0.1:0", "-metrics-listen", "127.0.0.1:0", "-admin-listen", in("admin.sock"))
	s.process.Stderr = log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the service", func() error {
		_, _, err := s.do("GET", "/healthz", "", nil)
		if err != nil {
			err = fmt.Errorf("%w; its log is\n%s", err, s.log())
		}
		return err
	})
}

func (s *service) kill() {
	if s.process != nil {
		s.process.Process.Kill()
		s.process.Wait()
		s.process = nil
	}
}

// reload has the service load its configuration and its credentials.
func (s *service) reload() {
	s.t.Helper()
	before := strings.Count(s.log(), "e59ee790730d4b2883a5b64bc1041d80") + strings.Count(s.log(), "374432d2e99843f38b869083c7f35b81")
	s.process.Process.Signal(syscall.SIGHUP)
	eventually(s.t, "the reload", func() error {
		if strings.Count(s.log(), "e59ee790730d4b2883a5b64bc1041d80")+strings.Count(s.log(), "374432d2e99843f38b869083c7f35b81") == before {
			return fmt.Errorf("the log is\n%s", s.log())
		}
		return nil
	})
}

// log returns the log of the service.
func (s *service) log() string {
	s.t.Helper()
	return string(must[[]byte](s.t)(os.ReadFile(filepath.Join(s.dir, "log"))))
}

// do sends a request, and returns the status and the body.
func (s *service) do(method, path, body string, header http.Header) (*http.Response, string, error) {
	req := must[*http.Request](s.t)(http.NewRequest(method, "http://foobar/", bytes.NewReader([]byte(body))))
	req.URL.Path = path
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// expect requires a status and a text in the body.
func (s *service) expect(method, path, body string, status int, want string) *http.Response {
	s.t.Helper()
	resp, text, err := s.do(method, path, body, nil)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != status || !strings.Contains(text, want) {
		s.t.Errorf("%s %s: %d %q, want %d and %q", method, path, resp.StatusCode, text, status, want)
	}
	return resp
}

// awaitStatus waits until GET / has a status.
func (s *service) awaitStatus(status int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprint("status ", status), func() error {
		resp, text, err := s.do("GET", "/", "", nil)
		if err == nil && resp.StatusCode != status {
			err = fmt.Errorf("status %d: %s", resp.StatusCode, text)
		}
		return err
	})
}
