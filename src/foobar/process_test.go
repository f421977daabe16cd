package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"foobar/src/credentials"
)

// TestMain lets the test binary be the program itself, so that tests run real
// processes without building another.
func TestMain(m *testing.M) {
	if os.Getenv("FOOBAR_RUN_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// processTimeout limits each wait of a test for what the process does.
const processTimeout = 20 * time.Second

// A process is a running foobar with sockets handed over as systemd does.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	dir      string // holds cert, key, token and data/
	https    *net.TCPListener
	manager  *net.UnixConn // what systemd reads of the notifications
	stderr   *lockedBuffer
	messages chan string // notifications
	ended    chan struct{}
}

// A lockedBuffer is a buffer that a process writes while a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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

// newProcess prepares a foobar that inherits a socket for HTTPS under name, and
// the notification socket.
func newProcess(t *testing.T, name string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), stderr: &lockedBuffer{}, messages: make(chan string, 1000), ended: make(chan struct{})}
	must[[]string](t)(credentials.Generate(p.dir, credentials.Request{Hosts: []string{"foobar.example"}, Now: time.Now()}))
	if err := os.Mkdir(filepath.Join(p.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.https = must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	p.manager = must[*net.UnixConn](t)(net.ListenUnixgram("unixgram", addr))
	notify := must[*net.UnixConn](t)(net.DialUnix("unixgram", nil, addr))
	defer notify.Close()

	// sh makes the PID that sd_listen_fds(3) compares the process's own.
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", os.Args[0],
		"-data", p.dir+"/data", "-cert", p.dir+"/cert", "-key", p.dir+"/key", "-token", p.dir+"/token")
	p.cmd.Env = append(os.Environ(), "FOOBAR_RUN_MAIN=1", "LISTEN_FDS=2", "LISTEN_FDNAMES="+name+":notify")
	p.cmd.Stderr = p.stderr
	p.cmd.ExtraFiles = []*os.File{must[*os.File](t)(p.https.File()), must[*os.File](t)(notify.File())}
	return p
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
	go p.receive()
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		p.https.Close()
		p.manager.Close()
		if p.t.Failed() {
			p.t.Logf("standard error is:\n%s", p.stderr)
		}
	})
}

func (p *process) receive() {
	b := make([]byte, 8192)
	for {
		n, err := p.manager.Read(b)
		if err != nil {
			return
		}
		p.messages <- string(b[:n])
	}
}

// message waits for a notification that contains want.
func (p *process) message(want string) {
	p.t.Helper()
	timeout := time.After(processTimeout)
	for {
		select {
		case m := <-p.messages:
			if strings.Contains(m, want) {
				return
			}
		case <-timeout:
			p.t.Fatalf("no notification %s", want)
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

// client returns a client that does not verify the certificate.
func (p *process) client() *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	p.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: processTimeout}
}

func (p *process) url() string { return "https://" + p.https.Addr().String() + "/" }

func TestServeInheritedSockets(t *testing.T) {
	p := newProcess(t, "https")
	p.start()
	p.message("READY=1")
	resp := must[*http.Response](t)(p.client().Get(p.url()))
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET of no state: %d", resp.StatusCode)
	}
	p.signal(syscall.SIGHUP)
	p.message("RELOADING=1")
	p.message("READY=1")
	// The signal that ends the service is not lost among others.
	for range 100 {
		p.signal(syscall.SIGHUP)
	}
	p.signal(syscall.SIGTERM)
	p.message("STOPPING=1")
	if state := p.wait(); state.ExitCode() != exitOK {
		t.Errorf("ended with %v", state)
	}
}

func TestWrongListenerExits78(t *testing.T) {
	p := newProcess(t, "http")
	p.start()
	if state := p.wait(); state.ExitCode() != exitConfig {
		t.Errorf("ended with %v", state)
	}
	if text := p.stderr.String(); !strings.HasPrefix(text, `foobar: inherited socket "http": unknown name`) || strings.Count(text, "\n") != 1 {
		t.Errorf("standard error is\n%s", text)
	}
}

// A second signal ends the service although a request is in flight. SIGTERM, as
// a process that a shell has started in the background ignores SIGINT, and the
// package is built and tested in such processes too.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := newProcess(t, "https")
	p.start()
	p.message("READY=1")
	c := must[*tls.Conn](t)(tls.Dial("tcp", p.https.Addr().String(), &tls.Config{InsecureSkipVerify: true}))
	defer c.Close()
	token := strings.TrimSpace(string(must[[]byte](t)(os.ReadFile(p.dir + "/token"))))
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n", token)
	must[int](t)(io.ReadFull(c, make([]byte, len("HTTP/1.1 100 "))))
	p.signal(syscall.SIGTERM)
	p.message("STOPPING=1")
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

// The service goes on when the reader of its log has ended.
func TestClosedStandardErrorIsNoReasonToEnd(t *testing.T) {
	p := newProcess(t, "https")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = w
	p.start()
	p.message("READY=1")
	r.Close()
	w.Close()
	p.signal(syscall.SIGHUP) // logs
	p.message("READY=1")
	resp := must[*http.Response](t)(p.client().Get(p.url()))
	resp.Body.Close()
	p.signal(syscall.SIGTERM)
	if state := p.wait(); state.ExitCode() != exitOK {
		t.Errorf("ended with %v", state)
	}
}
