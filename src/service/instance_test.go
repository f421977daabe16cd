package service

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"foobar/src/credentials"
	"foobar/src/listen"
	"foobar/src/logging"
)

// testTimeout limits each wait of a test for what the service does.
const testTimeout = 20 * time.Second

// An instance is a service that runs in the test's process, on sockets as
// systemd hands them over.
type instance struct {
	t                      *testing.T
	dir                    string // holds conf.yaml, cert, key, token and data/
	https, metrics         string // host:port
	moreHTTPS              []net.Listener
	admin                  string // path
	env                    map[string]string
	stderr                 *os.File
	manager, journalSocket *net.UnixConn // what systemd reads; journalSocket may be nil
	messages               chan string   // notifications
	stop                   context.CancelFunc
	reload                 chan os.Signal
	done                   chan error
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

// newInstance makes a directory with all that a service needs.
func newInstance(t *testing.T, conf string) *instance {
	t.Helper()
	i := &instance{t: t, dir: t.TempDir(), env: map[string]string{}, messages: make(chan string, 1000), reload: make(chan os.Signal, 1), done: make(chan error, 1)}
	i.stderr = must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "stderr")))
	i.makeCredentials()
	i.write("conf.yaml", conf)
	if err := os.Mkdir(filepath.Join(i.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return i
}

// start runs a service with conf as its conf.yaml until it is ready.
func start(t *testing.T, conf string) *instance {
	t.Helper()
	i := newInstance(t, conf)
	i.run()
	i.waitReady()
	return i
}

func (i *instance) makeCredentials() {
	i.t.Helper()
	if _, err := credentials.Generate(i.dir, credentials.Request{Hosts: []string{"foobar.example"}, Now: time.Now()}); err != nil {
		i.t.Fatal(err)
	}
}

// write writes a file of the instance. FOOBAR_FAST_PATH=false in the environment
// of the tests turns the fast path off in each conf.yaml that does not set it.
func (i *instance) write(name, text string) {
	i.t.Helper()
	if name == "conf.yaml" && os.Getenv("FOOBAR_FAST_PATH") == "false" && !strings.Contains(text, "http:") {
		text += "\nhttp: {fast_path: false}\n"
	}
	if err := os.WriteFile(filepath.Join(i.dir, name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

func (i *instance) read(name string) string {
	i.t.Helper()
	return string(must[[]byte](i.t)(os.ReadFile(filepath.Join(i.dir, name))))
}

func (i *instance) options() Options {
	return Options{
		Version: "test", Backend: Disk{}, ConfigFile: filepath.Join(i.dir, "conf.yaml"), DataDir: filepath.Join(i.dir, "data"),
		Credentials: credentials.Files{
			Cert: filepath.Join(i.dir, "cert"), Key: filepath.Join(i.dir, "key"),
			Token: filepath.Join(i.dir, "token"), ClientCA: filepath.Join(i.dir, "client-ca"),
		},
		Listen: func() (*listen.Sockets, error) { return i.sockets(), nil },
		Getenv: func(name string) string { return i.env[name] },
		Stderr: i.stderr,
	}
}

// withJournal makes the service log to a socket of the journal.
func (i *instance) withJournal() {
	i.t.Helper()
	i.journalSocket = i.listenDatagram("journal")
}

func (i *instance) listenDatagram(name string) *net.UnixConn {
	addr := &net.UnixAddr{Name: filepath.Join(i.t.TempDir(), name), Net: "unixgram"}
	c := must[*net.UnixConn](i.t)(net.ListenUnixgram("unixgram", addr))
	i.t.Cleanup(func() { c.Close() })
	return c
}

// connectDatagram returns what OpenFile= hands over.
func (i *instance) connectDatagram(to *net.UnixConn) *os.File {
	c := must[*net.UnixConn](i.t)(net.DialUnix("unixgram", nil, to.LocalAddr().(*net.UnixAddr)))
	defer c.Close()
	return must[*os.File](i.t)(c.File())
}

func (i *instance) sockets() *listen.Sockets {
	t := i.t
	https, metrics := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")), must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	i.https, i.metrics = https.Addr().String(), metrics.Addr().String()
	i.admin = filepath.Join(t.TempDir(), "admin.sock")
	i.manager = i.listenDatagram("notify")
	go i.receive(i.manager)
	s := &listen.Sockets{
		HTTPS: append([]net.Listener{https}, i.moreHTTPS...), Metrics: []net.Listener{metrics},
		Admin: []net.Listener{must[net.Listener](t)(net.Listen("unix", i.admin))}, Notify: i.connectDatagram(i.manager),
	}
	if i.journalSocket != nil {
		s.Journal = i.connectDatagram(i.journalSocket)
	}
	return s
}

func (i *instance) receive(manager *net.UnixConn) {
	b := make([]byte, 8192)
	for {
		n, err := manager.Read(b)
		if err != nil {
			return
		}
		i.messages <- string(b[:n])
	}
}

// run starts the service, which ends with the test if not before.
func (i *instance) run() {
	ctx, stop := context.WithCancel(context.Background())
	i.stop = stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		i.done <- Run(ctx, i.options(), i.reload)
	}()
	i.t.Cleanup(func() {
		stop()
		<-ended
		if i.t.Failed() {
			i.t.Logf("the log is:\n%s", i.log())
		}
	})
}

// log returns what the service has written to standard error.
func (i *instance) log() string {
	i.t.Helper()
	return string(must[[]byte](i.t)(os.ReadFile(i.stderr.Name())))
}

func (i *instance) waitReady() {
	i.t.Helper()
	if m := i.message("READY=1"); !strings.Contains(m, "STATUS=Serving HTTPS on ") {
		i.t.Errorf("ready with %q", m)
	}
}

// message waits for a notification that contains want.
func (i *instance) message(want string) string {
	i.t.Helper()
	timeout := time.After(testTimeout)
	for {
		select {
		case m := <-i.messages:
			if strings.Contains(m, want) {
				return m
			}
		case <-timeout:
			i.t.Fatalf("no notification %s", want)
		}
	}
}

// reloaded reloads the service, and returns the notification at the end.
func (i *instance) reloaded() string {
	i.t.Helper()
	i.reload <- os.Interrupt // which signal it is does not matter
	return i.message("READY=1")
}

// end stops the service and returns its error.
func (i *instance) end() error {
	i.t.Helper()
	i.stop()
	return i.wait()
}

// wait waits until the service has ended, and returns its error.
func (i *instance) wait() error {
	i.t.Helper()
	select {
	case err := <-i.done:
		return err
	case <-time.After(testTimeout):
		i.t.Fatal("the service does not end")
		return nil
	}
}

// entry waits for the journal's entry of an event.
func (i *instance) entry(e logging.Event) string {
	i.t.Helper()
	i.journalSocket.SetReadDeadline(time.Now().Add(testTimeout))
	b := make([]byte, 256<<10)
	for {
		n, err := i.journalSocket.Read(b)
		if err != nil {
			i.t.Fatalf("no entry with the message ID %s: %v", e, err)
		}
		if strings.Contains(string(b[:n]), "\nMESSAGE_ID="+string(e)+"\n") {
			return string(b[:n])
		}
	}
}

func (i *instance) tlsConfig() *tls.Config {
	i.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(i.read("cert"))) {
		i.t.Fatal("no certificate")
	}
	return &tls.Config{RootCAs: roots, ServerName: "foobar.example"}
}

// client returns a client that verifies the certificate.
func (i *instance) client(h2 bool) *http.Client {
	i.t.Helper()
	tr := &http.Transport{TLSClientConfig: i.tlsConfig(), ForceAttemptHTTP2: h2, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!h2)
	tr.Protocols.SetHTTP2(h2)
	i.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: testTimeout}
}

// administrator returns a client of the admin socket.
func (i *instance) administrator() *http.Client {
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", i.admin) }}
	i.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: testTimeout}
}

// dial opens one verified HTTP/1.1 connection, for requests that no client
// library sends.
func (i *instance) dial() *tls.Conn {
	i.t.Helper()
	c := must[*tls.Conn](i.t)(tls.Dial("tcp", i.https, i.tlsConfig()))
	i.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(testTimeout))
	return c
}

func (i *instance) token() string { return strings.TrimSpace(i.read("token")) }

// do sends a request, with the token where it has a body, and returns the
// response and its body.
func (i *instance) do(c *http.Client, method, body string) (*http.Response, string) {
	i.t.Helper()
	resp, text, err := i.try(c, method, body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp, text
}

func (i *instance) try(c *http.Client, method, body string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, "https://"+i.https+"/", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if body != "" {
		req.Header.Set("Authorization", "Bearer "+i.token())
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// scrape returns the status and the text of a page of the metrics listener.
func (i *instance) scrape(path string) (int, string) {
	i.t.Helper()
	resp := must[*http.Response](i.t)(http.Get("http://" + i.metrics + path))
	defer resp.Body.Close()
	return resp.StatusCode, string(must[[]byte](i.t)(io.ReadAll(resp.Body)))
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so in %v: %s", testTimeout, what)
		}
	}
}

// isConfigError reports whether a service ends with exit status 78.
func isConfigError(err error) bool {
	var config *ConfigError
	return errors.As(err, &config)
}

// inFlight waits until n requests over HTTPS are in flight.
func (i *instance) inFlight(n int) {
	i.t.Helper()
	want := fmt.Sprintf("foobar_http_requests_in_flight{listener=\"https\"} %d\n", n)
	eventually(i.t, want, func() bool {
		_, text := i.scrape("/metrics")
		return strings.Contains(text, want)
	})
}

// closedByPeer reports whether err is that of a connection that the service
// has closed.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
