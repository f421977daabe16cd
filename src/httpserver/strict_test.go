package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
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
	"foobar/src/metrics"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// An echo answers with what it was sent, and remembers it.
type echo struct {
	mu   sync.Mutex
	seen []string
	size int // of the answer, where it is not the body
}

func (h *echo) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return api.Response{Status: http.StatusBadRequest, Close: true}
	}
	h.mu.Lock()
	h.seen = append(h.seen, fmt.Sprintf("%s %s %d", r.Method, r.Path, len(body)))
	h.mu.Unlock()
	if h.size > 0 {
		body = make([]byte, h.size)
	}
	return api.Response{Status: http.StatusOK, Body: body, ContentType: "text/plain"}
}

func (h *echo) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.seen
	h.seen = nil
	return seen
}

var usual = Settings{
	Header: time.Second, Body: 500 * time.Millisecond, Response: time.Second, Idle: 2 * time.Second,
	MaxHeader: 16 << 10, Connections: 1000,
}

// A running Engine has what a test asks of it.
type running struct {
	*Engine
	addr    string
	metrics *metrics.Metrics
	log     *observer.ObservedLogs // the access log's
}

// start serves h on a loopback port until the test ends.
func start(t *testing.T, h Handler, s Settings, conf *tls.Config) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New("test")
	core, log := observer.New(zap.InfoLevel)
	e := NewEngine(ln, EngineOptions{Handler: h, TLS: conf, Settings: s, Traffic: m.Listener("https"), Log: zap.NewNop(), Access: zap.New(core)})
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
	return &running{e, ln.Addr().String(), m, log}
}

// An outcome is what the client saw of a wire.
type outcome struct {
	codes  []int
	closed bool
}

// play sends raw, and reads until the server closes or is quiet.
func play(t *testing.T, addr, raw string) outcome {
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

// quiet is less than the server waits for anything in these tests.
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

func TestStrictness(t *testing.T) {
	for _, w := range corpus() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			h := &echo{}
			e := start(t, h, usual, nil)
			o := play(t, e.addr, w.raw)
			seen := h.take()
			if len(seen) != w.requests {
				t.Errorf("handler saw %v, want %d requests", seen, w.requests)
			}
			if w.want == serve {
				if len(o.codes) != w.requests || o.codes[len(o.codes)-1] != http.StatusOK {
					t.Errorf("answered %v", o.codes)
				}
				return
			}
			if len(o.codes) != w.requests+1 || o.codes[w.requests] < 400 || !o.closed {
				t.Errorf("answered %v, closed %v, want one refusal and the end", o.codes, o.closed)
			}
		})
	}
}
