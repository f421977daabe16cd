package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	"foobar/src/logging"
)

// TestMain lets the test binary be the program itself, so that tests run real
// processes without building another.
func TestMain(m *testing.M) {
	if os.Getenv("FOOBAR_RUN_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// A process is a running foobar with sockets handed over as systemd does.
type process struct {
	t         *testing.T
	cmd       *exec.Cmd
	dir       string // holds conf.yaml, cert, key, token and data/
	https     string // host:port
	metrics   string // host:port
	admin     string // path
	manager   *net.UnixConn
	log       *lockedBuffer
	messages  chan string
	statusEnd chan int
	journal   *net.UnixConn // nil unless withJournal was called
}

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

// start runs foobar with conf as its conf.yaml until READY=1.
func start(t *testing.T, conf string, env ...string) *process {
	t.Helper()
	p := prepare(t, conf)
	p.spawn(env...)
	if m := p.message("READY=1"); !strings.Contains(m, "STATUS=Serving HTTPS on ") {
		t.Errorf("ready with %q", m)
	}
	return p
}

// prepare makes a directory with all that foobar needs.
func prepare(t *testing.T, conf string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), log: &lockedBuffer{}, messages: make(chan string, 1000), statusEnd: make(chan int, 1)}
	p.makeCredentials()
	p.write("conf.yaml", conf)
	if err := os.Mkdir(filepath.Join(p.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) makeCredentials() {
	p.t.Helper()
	if _, err := credentials.Generate(p.dir, "foobar.example", time.Now()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) read(name string) string {
	p.t.Helper()
	return string(must[[]byte](p.t)(os.ReadFile(filepath.Join(p.dir, name))))
}

// withJournal has spawn hand over a socket to the journal, too.
func (p *process) withJournal() {
	addr := &net.UnixAddr{Name: filepath.Join(p.t.TempDir(), "journal"), Net: "unixgram"}
	p.journal = must[*net.UnixConn](p.t)(net.ListenUnixgram("unixgram", addr))
	p.t.Cleanup(func() { p.journal.Close() })
}

// entry waits for the journal's entry of an event.
func (p *process) entry(e logging.Event) string {
	p.t.Helper()
	p.journal.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 256<<10)
	for {
		n, err := p.journal.Read(b)
		if err != nil {
			p.t.Fatalf("no entry with the message ID %s: %v", e, err)
		}
		if strings.Contains(string(b[:n]), "\nMESSAGE_ID="+string(e)+"\n") {
			return string(b[:n])
		}
	}
}

// spawn starts the process with the descriptors that the units give it.
func (p *process) spawn(env ...string) {
	t := p.t
	t.Helper()
	https := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
	metrics := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
	p.admin = filepath.Join(t.TempDir(), "admin.sock")
	admin := must[net.Listener](t)(net.Listen("unix", p.admin)).(*net.UnixListener)
	p.https, p.metrics = https.Addr().String(), metrics.Addr().String()
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	p.manager = must[*net.UnixConn](t)(net.ListenUnixgram("unixgram", addr))
	notify := must[*net.UnixConn](t)(net.DialUnix("unixgram", nil, addr))

	// sh makes the PID that sd_listen_fds(3) compares the process's own.
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", os.Args[0],
		"-config", p.dir+"/conf.yaml", "-data", p.dir+"/data", "-cert", p.dir+"/cert", "-key", p.dir+"/key", "-token", p.dir+"/token", "-client-ca", p.dir+"/client-ca")
	files := []func() (*os.File, error){https.File, metrics.File, admin.File, notify.File}
	names := "https:metrics:admin:notify"
	if p.journal != nil {
		journal := must[*net.UnixConn](t)(net.DialUnix("unixgram", nil, p.journal.LocalAddr().(*net.UnixAddr)))
		defer journal.Close()
		files, names = append(files, journal.File), names+":journal"
	}
	p.cmd.Env = append(os.Environ(), "FOOBAR_RUN_MAIN=1", fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+names)
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = p.log
	for _, file := range files {
		f := must[*os.File](t)(file())
		defer f.Close()
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, f)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	notify.Close()
	go p.receive()
	go func() {
		p.cmd.Wait()
		p.statusEnd <- p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		for _, c := range []io.Closer{https, metrics, admin, p.manager} {
			c.Close()
		}
		if t.Failed() {
			t.Logf("the process said:\n%s", p.log)
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

// message waits for a notification with the line want.
func (p *process) message(want string) string {
	p.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case m := <-p.messages:
			if strings.Contains(m, want) {
				return m
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

// exit waits for the end and returns the exit status.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case code := <-p.statusEnd:
		return code
	case <-time.After(20 * time.Second):
		p.t.Fatal("the process does not end")
		return -1
	}
}

// client returns a client that verifies the certificate.
func (p *process) client(h2 bool) *http.Client {
	p.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(p.read("cert"))) {
		p.t.Fatal("no certificate")
	}
	tr := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "foobar.example"},
		ForceAttemptHTTP2: h2,
		Protocols:         new(http.Protocols),
	}
	tr.Protocols.SetHTTP1(!h2)
	tr.Protocols.SetHTTP2(h2)
	p.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// administrator returns a client of the admin socket.
func (p *process) administrator() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", p.admin)
	}}}
}

// dial opens one verified HTTP/1.1 connection, for what no client library does.
func (p *process) dial() *tls.Conn {
	p.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(p.read("cert")))
	c := must[*tls.Conn](p.t)(tls.Dial("tcp", p.https, &tls.Config{RootCAs: roots, ServerName: "foobar.example"}))
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func (p *process) token() string { return strings.TrimSpace(p.read("token")) }

// do sends a request with the token and returns status and body.
func (p *process) do(c *http.Client, method, body string) (*http.Response, string) {
	p.t.Helper()
	resp, text, err := p.try(c, method, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, text
}

func (p *process) try(c *http.Client, method, body string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, "https://"+p.https+"/", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if body != "" {
		req.Header.Set("Authorization", "Bearer "+p.token())
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// scrape returns the text of a page of the metrics listener.
func (p *process) scrape(path string) (int, string) {
	p.t.Helper()
	resp := must[*http.Response](p.t)(http.Get("http://" + p.metrics + path))
	defer resp.Body.Close()
	return resp.StatusCode, string(must[[]byte](p.t)(io.ReadAll(resp.Body)))
}

// ended says whether err is a connection that the other side closed.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
