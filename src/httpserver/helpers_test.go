package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/metrics"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	zapobserver "go.uber.org/zap/zaptest/observer"
)

// An echo answers with what it was sent.
type echo struct {
	size int // of the response, where it is not the body
}

func (h *echo) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return api.Response{Status: http.StatusBadRequest, Close: true}
	}
	if h.size > 0 {
		body = make([]byte, h.size)
	}
	return api.Response{Status: http.StatusOK, Body: body, ContentType: "text/plain"}
}

var defaultSettings = Settings{
	Settings: engine.Settings{
		Header: time.Second, Body: 500 * time.Millisecond, Response: time.Second, Idle: 2 * time.Second,
		MaxHeader: 16 << 10, MaxDiscard: 64 << 20,
	},
	Connections: 1000, FastPath: true, Protocols: []string{"http/1.1", "h2"},
}

// longTimeouts returns settings under which no timeout passes during a test.
func longTimeouts() Settings {
	s := defaultSettings
	s.Header, s.Body, s.Response, s.Idle = time.Minute, time.Minute, time.Minute, time.Minute
	return s
}

// get and post are requests as HTTP/1.1 writes them.
func get(fields string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" }
func post(fields, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body
}

const chunked = "Transfer-Encoding: chunked\r\n"

// running is a Server with its address, metrics and logs.
type running struct {
	*Server
	addr    string
	metrics *metrics.Metrics
	log     logs
	access  logs
}

// logs are entries and the logger that makes them.
type logs struct {
	*zapobserver.ObservedLogs
	*zap.Logger
}

func observed(level zapcore.Level) logs {
	core, entries := zapobserver.New(level)
	return logs{entries, zap.New(core)}
}

// start serves h on a loopback port until the test ends.
func start(t *testing.T, h api.Service, s Settings, conf *TLSOptions) *running {
	t.Helper()
	return startWith(t, h, s, conf, func(l net.Listener, _ *Options) net.Listener { return l })
}

// startWith is start with another listener, and other options.
func startWith(t *testing.T, h api.Service, s Settings, conf *TLSOptions, change func(net.Listener, *Options) net.Listener) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New("test")
	log, access := observed(zap.InfoLevel), observed(zap.InfoLevel)
	o := Options{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(h, w, r) }),
		FastPath: func(o engine.Observer, s engine.Settings) engine.Engine { return http1.New(h, o, s) },
		TLS:      conf, Settings: s, Metrics: m.Listener("https"),
		Log: log.Logger, AccessLog: access.Logger,
	}
	l := change(ln, &o)
	e := New([]net.Listener{l}, o)
	served := make(chan error, 1)
	go func() { served <- e.Run() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if !e.draining.Load() {
			_ = e.Shutdown(ctx)
		}
		if err := <-served; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return &running{e, ln.Addr().String(), m, log, access}
}

// An outcome is what the client saw of a wire.
type outcome struct {
	codes  []int
	closed bool
}

// sendRaw sends raw, and reads until the server closes or is quiet.
func sendRaw(t *testing.T, addr, raw string) outcome {
	t.Helper()
	c := dial(t, addr)
	go func() { _, _ = io.WriteString(c, raw) }()
	method, _, _ := strings.Cut(raw, " ")
	return watchAnswers(t, c, method)
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dribble sends a byte each 50 ms, until stop is called.
func dribble(c net.Conn) (stop func()) {
	stopped := make(chan struct{})
	go func() {
		for ticker := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ticker.C:
				c.Write([]byte("x"))
			case <-stopped:
				return
			}
		}
	}()
	return func() { close(stopped) }
}

// quiet is shorter than every timeout of the server in these tests.
const quiet = 900 * time.Millisecond

func watchAnswers(t *testing.T, c net.Conn, method string) (o outcome) {
	t.Helper()
	in := bufio.NewReader(c)
	for {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		if _, err := in.Peek(1); err != nil {
			o.closed = !errors.Is(err, os.ErrDeadlineExceeded)
			return o
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("response %d: %v", len(o.codes), err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("response %d: %v", len(o.codes), err)
		}
		o.codes = append(o.codes, resp.StatusCode)
	}
}

// certificate is the one that net/http tests with.
func certificate(t *testing.T) (server *TLSOptions, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	server = &TLSOptions{
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.TLS.Certificates[0], nil },
		ClientCAs:   func() (*x509.CertPool, tls.ClientAuthType) { return nil, tls.NoClientCert },
	}
	return server, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// client speaks one protocol, over connections of its own.
func client(t *testing.T, e *running, conf *tls.Config, g protocol) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: conf.Clone(), Protocols: new(http.Protocols), ExpectContinueTimeout: 5 * time.Second}
	tr.Protocols.SetHTTP1(!g.http2)
	tr.Protocols.SetHTTP2(g.http2)
	tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", e.addr) }
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

// counted reports whether the metrics have a line within 5 seconds: a request is counted
// after its last byte was sent, and the client may read the metrics before that.
func (r *running) counted(t *testing.T, line string) bool {
	t.Helper()
	fine := func() error { return nil }
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		w := httptest.NewRecorder()
		r.metrics.Handler(fine, fine, zap.NewNop()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if strings.Contains(w.Body.String(), line+"\n") {
			return true
		}
	}
	return false
}

// A protocol is what can serve a request.
type protocol struct {
	name  string
	http2 bool
	fast  bool
}

// settings are s with this engine for HTTP/1.1.
func (e protocol) settings(s Settings) Settings {
	s.FastPath = e.fast
	return s
}

var engines = []protocol{{"http1", false, true}, {"net-http HTTP/1.1", false, false}, {"net-http HTTP/2", true, false}}

// onHTTP1 runs a test with each engine for HTTP/1.1.
func onHTTP1(t *testing.T, f func(*testing.T, protocol)) {
	for _, e := range engines[:2] {
		t.Run(e.name, func(t *testing.T) { f(t, e) })
	}
}

func onEachEngine(t *testing.T, f func(*testing.T, protocol)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { f(t, e) })
	}
}

type handlerFunc func(*api.Request) api.Response

func (f handlerFunc) Serve(_ context.Context, r *api.Request) api.Response { return f(r) }

// logged waits for the n-th entry of the access log, which is written after the response.
func (r *running) logged(t *testing.T, n int) (message string, fields map[string]any) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if all := r.access.All(); len(all) >= n {
			return all[n-1].Message, all[n-1].ContextMap()
		}
	}
	t.Fatalf("the access log has %d entries, want %d", r.access.Len(), n)
	return "", nil
}
