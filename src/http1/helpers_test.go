package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/http1"
	"foobar/src/httpserver"

	"go.uber.org/zap"
)

// A fakeConn is an http1.Conn without a client.
type fakeConn struct{ net.Conn }

func (*fakeConn) Write(b []byte) (int, error)                  { return len(b), nil }
func (*fakeConn) RemoteAddr() net.Addr                         { return nil }
func (*fakeConn) ReadFirst([]byte, time.Duration) (int, error) { return 0, nil }
func (*fakeConn) SetHeaderTimeout(time.Time, time.Duration)    {}
func (*fakeConn) StartRequest(time.Time)                       {}
func (*fakeConn) SetReadTimeout(time.Time, time.Duration)      {}
func (*fakeConn) SetWriteTimeout(time.Time, time.Duration)     {}
func (*fakeConn) WriteBoth([]byte, []byte) error               { return nil }
func (*fakeConn) Draining() bool                               { return false }
func (*fakeConn) Linger(time.Duration, int64)                  {}
func (*fakeConn) Abort()                                       {}

// An echo answers with the body that it was sent, and remembers the requests.
type echo struct {
	mu   sync.Mutex
	seen []string
}

func (h *echo) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return api.Response{Status: http.StatusBadRequest, Close: true}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, fmt.Sprintf("%s %s %d", r.Method, r.Path, len(body)))
	return api.Response{Status: http.StatusOK, Body: body, ContentType: "text/plain"}
}

// requests returns what was served since the last call.
func (h *echo) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.seen
	h.seen = nil
	return seen
}

// start serves h on a loopback port until the test ends, by this package or by
// net/http, and returns the address.
func start(t *testing.T, h api.Service, fast bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := httpserver.New([]net.Listener{l}, httpserver.Options{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(h, w, r) }),
		FastPath: h,
		Settings: httpserver.Settings{
			Settings: http1.Settings{
				Header: time.Second, Body: 500 * time.Millisecond, Response: time.Second, Idle: 2 * time.Second, MaxHeader: 16 << 10,
			},
			Connections: 1000, FastPath: fast,
		},
		Log: zap.NewNop(),
	})
	served := make(chan error, 1)
	go func() { served <- s.Run() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l.Addr().String()
}

// An outcome is what the client saw of a wire.
type outcome struct {
	codes  []int
	closed bool
}

// quiet is less than the server waits for anything in these tests.
const quiet = 900 * time.Millisecond

// sendRaw sends raw, and reads until the server closes or is quiet.
func sendRaw(t *testing.T, addr, raw string) (o outcome) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, raw) }()
	method, _, _ := strings.Cut(raw, " ")
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
