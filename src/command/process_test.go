package command

import (
	"crypto/tls"
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

	"foobar/src/credentials"
	"foobar/src/service"
)

// TestMain lets the test binary be the program itself, so that tests run real
// processes without building another.
func TestMain(m *testing.M) {
	if os.Getenv("FOOBAR_RUN_MAIN") != "" {
		Main(service.Disk{})
	}
	os.Exit(m.Run())
}

// processTimeout limits each wait of a test for what the process does.
const processTimeout = 20 * time.Second

// A process is a running foobar with a socket handed over as systemd does.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	dir   string // holds conf.yaml, cert, key, token and data/
	https *net.TCPListener
	log   *os.File // standard error
	ended chan struct{}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newProcess prepares a foobar that inherits a socket for HTTPS under name.
func newProcess(t *testing.T, name string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), ended: make(chan struct{})}
	must[[]string](t)(credentials.Generate(p.dir, credentials.Request{Hosts: []string{"foobar.example"}, Now: time.Now()}))
	if err := os.Mkdir(filepath.Join(p.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.configure("{}")
	p.log = must[*os.File](t)(os.Create(p.dir + "/log"))
	p.https = must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
	// sh makes the PID that sd_listen_fds(3) compares the process's own.
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", os.Args[0], "-config", p.dir+"/conf.yaml",
		"-data", p.dir+"/data", "-cert", p.dir+"/cert", "-key", p.dir+"/key", "-token", p.dir+"/token")
	p.cmd.Env = append(os.Environ(), "FOOBAR_RUN_MAIN=1", "LISTEN_FDS=1", "LISTEN_FDNAMES="+name)
	p.cmd.Stderr = p.log
	p.cmd.ExtraFiles = []*os.File{must[*os.File](t)(p.https.File())}
	return p
}

// configure replaces conf.yaml.
func (p *process) configure(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.dir+"/conf.yaml", []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start starts the process, which ends with the test if not before.
func (p *process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for _, f := range p.cmd.ExtraFiles {
		f.Close()
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		p.https.Close()
		if p.t.Failed() {
			p.t.Logf("standard error is:\n%s", p.stderr())
		}
	})
}

func (p *process) stderr() string {
	p.t.Helper()
	return string(must[[]byte](p.t)(os.ReadFile(p.log.Name())))
}

// logged waits until the log has a text.
func (p *process) logged(want string) {
	p.t.Helper()
	p.eventually(want, func() bool { return strings.Contains(p.stderr(), want) })
}

// answers waits until a GET has a status.
func (p *process) answers(status int) {
	p.t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	c := &http.Client{Transport: tr, Timeout: processTimeout}
	p.eventually(fmt.Sprintf("status %d", status), func() bool {
		resp, err := c.Get("https://" + p.https.Addr().String() + "/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == status
	})
}

// eventually waits until ok holds.
func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(processTimeout); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("not so in %v: %s", processTimeout, what)
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the process has ended, and returns how.
func (p *process) wait() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState
	case <-time.After(processTimeout):
		p.t.Fatal("the process does not end")
		return nil
	}
}

// endsWithin reports whether the process ends within d.
func (p *process) endsWithin(d time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(d):
		return false
	}
}

func TestServeInheritedSockets(t *testing.T) {
	p := newProcess(t, "https")
	p.start()
	p.answers(http.StatusNotFound)
	p.configure("access: {read: nobody}")
	p.signal(syscall.SIGHUP)
	p.answers(http.StatusForbidden)
	// The signal that ends the service is not lost among others.
	for range 100 {
		p.signal(syscall.SIGHUP)
	}
	p.signal(syscall.SIGTERM)
	if state := p.wait(); state.ExitCode() != exitOK {
		t.Errorf("ended with %v", state)
	}
	p.logged(`"message":"stopped"`)
}

func TestWrongListenerExits78(t *testing.T) {
	p := newProcess(t, "http")
	p.start()
	if state := p.wait(); state.ExitCode() != exitConfig {
		t.Errorf("ended with %v", state)
	}
	if text := p.stderr(); !strings.HasPrefix(text, `foobar: inherited socket "http": unknown name`) || strings.Count(text, "\n") != 1 {
		t.Errorf("standard error is\n%s", text)
	}
}

// TestSecondSignalEndsAtOnce sends a second signal, which ends the service during a
// request. It sends SIGTERM, because a process that a shell has started in the background
// ignores SIGINT, and packages are built and tested in such processes too.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := newProcess(t, "https")
	p.start()
	p.answers(http.StatusNotFound)
	c := must[*tls.Conn](t)(tls.Dial("tcp", p.https.Addr().String(), &tls.Config{InsecureSkipVerify: true}))
	defer c.Close()
	token := strings.TrimSpace(string(must[[]byte](t)(os.ReadFile(p.dir + "/token"))))
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n", token)
	must[int](t)(io.ReadFull(c, make([]byte, len("HTTP/1.1 100 "))))
	p.signal(syscall.SIGTERM)
	p.logged(`"message":"stopping"`)
	began := time.Now()
	for range 20 { // the first may come before the signal has its default action
		p.cmd.Process.Signal(syscall.SIGTERM)
		if p.endsWithin(100 * time.Millisecond) {
			break
		}
	}
	status := p.wait().Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", p.cmd.ProcessState)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("ended after %v", took)
	}
}

// TestClosedStandardErrorIsNoReasonToEnd closes the reading end of the log. The service
// continues.
func TestClosedStandardErrorIsNoReasonToEnd(t *testing.T) {
	p := newProcess(t, "https")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = w
	p.start()
	p.answers(http.StatusNotFound)
	r.Close()
	w.Close()
	p.configure("access: {read: nobody}")
	p.signal(syscall.SIGHUP) // logs
	p.answers(http.StatusForbidden)
	p.signal(syscall.SIGTERM)
	if state := p.wait(); state.ExitCode() != exitOK {
		t.Errorf("ended with %v", state)
	}
}
