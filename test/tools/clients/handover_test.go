package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/httpserver"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// number is a state that is only written under a condition.
type number struct {
	mu     sync.Mutex
	value  string
	served int // requests
}

func (s *number) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	tag := strconv.Quote(s.value)
	switch {
	case err != nil:
		return api.Response{Status: http.StatusBadRequest, Close: true}
	case r.Method == http.MethodGet:
		return api.Response{Status: http.StatusOK, Body: []byte(s.value), ETag: tag}
	case r.IfMatch.Present && r.IfMatch.Value != tag:
		return api.Response{Status: http.StatusPreconditionFailed}
	}
	s.value = string(body)
	return api.Response{Status: http.StatusOK, Body: []byte("ok")}
}

// TestHandover has one Server after the other serve the same socket, as it is
// between a stop and a start under systemd, and new settings come between.
func TestHandover(t *testing.T) {
	for _, fast := range []bool{true, false} {
		t.Run(fmt.Sprintf("fast path %v", fast), func(t *testing.T) {
			replaceServers(t, settings(fast), func(address string, conf *tls.Config, _ *number) (await, stop func()) {
				load, err := Start(Server{Address: address, TLS: conf, Token: "any"}, Profiles(), 3)
				if err != nil {
					t.Fatal(err)
				}
				return func() {
					if err := load.AwaitResponses(4, 20*time.Second); err != nil {
						t.Fatal(err)
					}
				}, func() { checkHandover(t, load) }
			})
		})
	}
}

func checkHandover(t *testing.T, load *Load) {
	res, err := load.Stop()
	if err != nil {
		t.Error(err)
	}
	t.Logf("\n%v", res)
	for _, k := range res.Profiles {
		for _, err := range k.Failed {
			t.Errorf("%s: %v", k.Profile.Name, err)
		}
		if k.CloseRaces > 3 { // one for each Shutdown
			t.Errorf("%s: %d requests crossed the end of their connections", k.Profile.Name, k.CloseRaces)
		}
	}
	for _, err := range res.Lost {
		t.Error(err)
	}
}

// TestGoClientSeesNoFailure has net/http's Client, which sends again what GOAWAY
// says was not processed (RFC 9113, section 6.8), read and write over one
// connection of HTTP/2.
func TestGoClientSeesNoFailure(t *testing.T) {
	replaceServers(t, settings(true), func(address string, conf *tls.Config, state *number) (await, stop func()) {
		tr := &http.Transport{TLSClientConfig: conf, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP2(true)
		client := http.Client{Transport: tr, Timeout: requestTimeout}
		done := make(chan struct{})
		var running sync.WaitGroup
		for i := range 8 {
			running.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					method := http.MethodGet
					if i%2 == 0 {
						method = http.MethodPut
					}
					req, err := http.NewRequest(method, "https://"+address+"/", strings.NewReader("body"))
					if err != nil {
						t.Error(err)
						return
					}
					resp, err := client.Do(req)
					if err != nil {
						t.Errorf("%s %d: %v", method, n, err)
						return
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
						t.Errorf("%s %d: %s %s, %v", method, n, resp.Proto, resp.Status, err)
						return
					}
				}
			})
		}
		return func() { state.await(t) }, func() {
			close(done)
			running.Wait()
			tr.CloseIdleConnections()
		}
	})
}

// curlStreams is how many requests curl has open at a time.
const curlStreams = 10

// TestCurlSeesNoFailure has curl read over HTTP/2. A request that crosses GOAWAY
// is not processed, and curl sends it again, but for two kinds, which it reports
// without a byte of a response: one whose connection ends first, and one that has met
// five closing connections. After the first GOAWAY curl opens a connection for each
// request that it repeats, and at the next one it tries one of these after the other.
func TestCurlSeesNoFailure(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip(err)
	}
	s := settings(true)
	s.Protocols = []string{"h2"}
	refused := 0
	replaceServers(t, s, func(address string, _ *tls.Config, state *number) (await, stop func()) {
		done := make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				refused += readByCurl(t, curl, address)
			}
		})
		return func() { state.await(t) }, func() {
			close(done)
			running.Wait()
		}
	})
	t.Logf("%d streams refused", refused)
	if refused > 3*curlStreams { // replaceServers shuts three servers down
		t.Errorf("%d streams were refused, more than were open", refused)
	}
}

// readByCurl has curl send 500 requests, and returns how many were refused.
func readByCurl(t *testing.T, curl, address string) (refused int) {
	cmd := exec.Command(curl, "--silent", "--show-error", "--insecure", "--http2", "--parallel", "--parallel-max", strconv.Itoa(curlStreams),
		"--write-out", "%{http_version} %{http_code} %{exitcode} %{size_header}\n", "--output", "/dev/null", "https://"+address+"/[1-500]")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	served := 0
	for line := range strings.Lines(string(out)) {
		var version, status, exit, header int
		if _, err := fmt.Sscan(line, &version, &status, &exit, &header); err != nil {
			t.Errorf("curl prints %q: %v", line, err)
		}
		switch {
		case version == 2 && status == http.StatusOK && exit == 0:
			served++
		case header == 0 && (exit == curlHTTP2 || exit == curlSend || exit == curlReceive):
			refused++
		default:
			t.Errorf("curl ends a request with %q", line)
		}
	}
	if served+refused != 500 {
		t.Errorf("curl reports %d requests: %v\n%s", served+refused, err, stderr.String())
	}
	return refused
}

// Exit statuses of curl for a request that was not processed.
const (
	curlHTTP2   = 16 // its connection has ended
	curlSend    = 55 // it was tried often enough
	curlReceive = 56 // the same, after a connection ended while curl was reading
)

// replaceServers has several Servers serve one socket, each after the one
// before, while clients use it.
func replaceServers(t *testing.T, s httpserver.Settings, start func(address string, conf *tls.Config, state *number) (await, stop func())) {
	server, conf := certificate(t)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var state number
	e := serve(t, socket, &state, s, server)
	await, stop := start(socket.Addr().String(), conf, &state)
	await()
	changed := s
	changed.MaxHeader /= 2
	e.Apply(changed)
	await()
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := e.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		cancel()
		e = serve(t, socket, &state, s, server)
		await()
	}
	stop()
	if err := e.Shutdown(context.Background()); err != nil {
		t.Errorf("the last Shutdown: %v", err)
	}
}

// serve starts a Server on a socket that stays open without it.
func serve(t *testing.T, socket net.Listener, state *number, s httpserver.Settings, server *httpserver.TLSOptions) *httpserver.Server {
	t.Helper()
	f, err := socket.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	e := httpserver.New([]net.Listener{l}, httpserver.Options{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(state, w, r) }),
		FastPath: func(o engine.Observer, s engine.Settings) engine.Engine { return http1.New(state, o, s) },
		TLS:      server, Settings: s, Metrics: metrics.New("test").Listener("https"), Log: zap.NewNop(),
	})
	go func() {
		if err := e.Run(); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	return e
}

// await waits until the clients have had some more responses.
func (s *number) await(t *testing.T) {
	t.Helper()
	least := s.count() + 200
	for deadline := time.Now().Add(20 * time.Second); s.count() < least; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests served, want %d", s.count(), least)
		}
	}
}

func (s *number) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

func settings(fast bool) httpserver.Settings {
	return httpserver.Settings{
		Settings: engine.Settings{
			Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10,
		},
		Connections: 1000, FastPath: fast, Protocols: []string{"http/1.1", "h2"},
	}
}

// certificate returns what net/http tests with.
func certificate(t *testing.T) (server *httpserver.TLSOptions, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	server = &httpserver.TLSOptions{
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.TLS.Certificates[0], nil },
		ClientCAs:   func() (*x509.CertPool, tls.ClientAuthType) { return nil, tls.NoClientCert },
	}
	return server, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}
