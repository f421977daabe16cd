package httpserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/src/access"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/engine"
	"foobar/src/httpserver"
	"foobar/src/metrics"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// newHandler is a service of another kind: two routes of net/http, which know nothing
// of permissions, limits, metrics and logs.
func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("panic") {
			panic("on request")
		}
		fmt.Fprintln(w, "hello")
	})
	mux.HandleFunc("POST /length", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, len(body))
	})
	return mux
}

// A plainServer serves newHandler with all that a service has around its handler.
type plainServer struct {
	addr        string
	token       string
	metrics     *metrics.Metrics
	log, access *observer.ObservedLogs
}

const maxBody = 100 // bytes

func startPlain(t *testing.T) *plainServer {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	set, err := credentials.Load(credentials.Files{Cert: path(credentials.CertFile), Key: path(credentials.KeyFile), Token: path(credentials.TokenFile)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(path(credentials.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	policy := access.New(credentials.NewStore(set), config.Access{Read: config.Anyone, Write: config.Token})
	core, log := observer.New(zap.InfoLevel)
	accessCore, accessLog := observer.New(zap.InfoLevel)
	m := metrics.New("test")
	server := httpserver.New([]net.Listener{listener}, httpserver.Options{
		Handler: policy.Handler(newHandler()),
		Settings: httpserver.Settings{
			Settings:    engine.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10, MaxDiscard: 8 << 20},
			Connections: 10, MaxBody: maxBody, AccessLog: true, Protocols: []string{"http/1.1", "h2"},
		},
		Metrics: m.Listener("https"), Log: zap.New(core), AccessLog: zap.New(accessCore),
	})
	ended := make(chan error, 1)
	go func() { ended <- server.Run() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &plainServer{addr: listener.Addr().String(), token: strings.TrimSpace(string(token)), metrics: m, log: log, access: accessLog}
}

// TestPlainHandler serves a handler that uses nothing of this project, and wants all
// that a service has around its handler.
func TestPlainHandler(t *testing.T) {
	for _, test := range []struct {
		name, method, target, body string
		chunked, token             bool
		status                     int
	}{
		{"a read that anyone may send", "GET", "/greeting", "", false, false, 200},
		{"a response without its body", "HEAD", "/greeting", "", false, false, 200},
		{"a write without the token", "POST", "/length", "x", false, false, 401},
		{"a write with the token", "POST", "/length", "x", false, true, 200},
		{"a body that is too large", "POST", "/length", strings.Repeat("x", maxBody+1), false, true, 413},
		{"a body that is too large, in chunks", "POST", "/length", strings.Repeat("x", maxBody+1), true, true, 413},
		{"a panic", "GET", "/greeting?panic", "", false, false, 500},
		{"another method", "DELETE", "/greeting", "", false, true, 405},
		{"another path", "GET", "/", "", false, false, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startPlain(t)
			var body io.Reader = strings.NewReader(test.body)
			if test.chunked {
				body = io.MultiReader(body)
			}
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+s.addr+test.target, body)
			if err != nil {
				t.Fatal(err)
			}
			if test.token {
				r.Header.Set("Authorization", "Bearer "+s.token)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != test.status || resp.Close != (test.status == 413 || test.status == 500) {
				t.Errorf("status %d, want %d; closes the connection: %v", resp.StatusCode, test.status, resp.Close)
			}
			s.expectRecords(t, resp, test.method, r.URL.Path)
		})
	}
}

// TestTooLargeBodyIsDiscarded sends a body that is too large to its end before it reads
// the response, as many clients do.
func TestTooLargeBodyIsDiscarded(t *testing.T) {
	s := startPlain(t)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 6 << 20
	request := fmt.Sprintf("POST /length HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", s.token, size)
	if _, err := io.WriteString(conn, request+strings.Repeat("x", size)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 413 {
		t.Errorf("%v, %v", resp, err)
	}
}

// expectRecords wants an entry of the access log under the ID of the response, the
// request in the metrics, and an entry for a panic.
func (s *plainServer) expectRecords(t *testing.T, resp *http.Response, method, path string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); s.access.Len() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the access log has no entry")
		}
	}
	fields := s.access.All()[0].ContextMap()
	id := resp.Header.Get("X-Request-Id")
	if id == "" || fields["request_id"] != id || fields["status"] != int64(resp.StatusCode) || fields["method"] != method || fields["path"] != path {
		t.Errorf("X-Request-Id is %q, and the access log has %v", id, fields)
	}
	if method == http.MethodHead && fields["response_bytes"] != int64(0) {
		t.Errorf("the access log has %v bytes of a response without a body", fields["response_bytes"])
	}
	w := httptest.NewRecorder()
	fine := func() error { return nil }
	s.metrics.Handler(fine, fine, zap.NewNop()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	label := method
	if method == http.MethodDelete {
		label = "other" // of no time series of its own
	}
	want := fmt.Sprintf(`foobar_http_requests_total{code="%d",listener="https",method="%s"} 1`, resp.StatusCode, label)
	if !strings.Contains(w.Body.String(), want+"\n") {
		t.Errorf("the metrics lack %s", want)
	}
	if panics := s.log.FilterMessage("panic: on request").Len(); panics != 0 != (resp.StatusCode == 500) {
		t.Errorf("%d panics are logged", panics)
	}
}
