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
	"strconv"
	"sync"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/httpserver"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// number is a state that is only written under a condition.
type number struct {
	mu    sync.Mutex
	value string
}

func (s *number) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := strconv.Quote(s.value)
	switch {
	case err != nil:
		return api.Response{Status: http.StatusBadRequest, Close: true}
	case r.Method == http.MethodGet:
		return api.Response{Status: http.StatusOK, Body: []byte(s.value), ETag: tag}
	case r.IfMatch != "" && r.IfMatch != tag:
		return api.Response{Status: http.StatusPreconditionFailed}
	}
	s.value = string(body)
	return api.Response{Status: http.StatusOK, Body: []byte("ok")}
}

// TestHandover has one Server after the other serve the same socket, as it is
// between a stop and a start under systemd, and new settings come between.
func TestHandover(t *testing.T) {
	for _, fast := range []bool{true, false} {
		t.Run(fmt.Sprintf("fast path %v", fast), func(t *testing.T) { handover(t, fast) })
	}
}

func handover(t *testing.T, fast bool) {
	server, conf := certificate(t)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var state number
	serve := func() *httpserver.Server {
		f, err := socket.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		e := httpserver.New(l, httpserver.Options{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(&state, w, r) }), FastPath: &state,
			TLS: server, Settings: settings(fast), Metrics: metrics.New("test").Listener("https"), Log: zap.NewNop(),
		})
		go func() {
			if err := e.Run(); err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		return e
	}
	e := serve()
	load, err := Start(Server{Address: socket.Addr().String(), TLS: conf, Token: "any"}, Profiles(), 3)
	if err != nil {
		t.Fatal(err)
	}
	await(t, load)
	s := settings(fast)
	s.MaxHeader /= 2
	e.Apply(s)
	await(t, load)
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := e.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		cancel()
		e = serve()
		await(t, load)
	}
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
	if err := e.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", fmt.Errorf("the last: %w", err))
	}
}

// await waits until each profile has had some more responses.
func await(t *testing.T, load *Load) {
	t.Helper()
	if err := load.AwaitResponses(4, 20*time.Second); err != nil {
		t.Fatal(err)
	}
}

func settings(fast bool) httpserver.Settings {
	return httpserver.Settings{
		Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute,
		MaxHeader: 16 << 10, Connections: 1000, FastPath: fast, Protocols: []string{"http/1.1", "h2"},
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
	server = &httpserver.TLSOptions{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.TLS.Certificates[0], nil }}
	return server, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}
