package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/logging"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	zapobserver "go.uber.org/zap/zaptest/observer"
)

// A panicListener accepts connections that panic on demand.
type panicListener struct {
	net.Listener
	read, write atomic.Bool
}

func (l *panicListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &panicConn{c, l}, err
}

type panicConn struct {
	net.Conn
	on *panicListener
}

func (c *panicConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.on.read.Load() {
		panic("reader")
	}
	return n, err
}

func (c *panicConn) Write(p []byte) (int, error) {
	if c.on.write.Load() {
		panic("writer")
	}
	return c.Conn.Write(p)
}

// TestPanicEndsOneConnection makes each part panic under each engine. The client
// sees an error or a 500, the panic is logged and counted, and the next
// connection is served.
func TestPanicEndsOneConnection(t *testing.T) {
	for _, c := range []struct {
		name, path string
		set        func(*panicListener, bool)
	}{
		{"handler", "/panic", func(*panicListener, bool) {}},
		{"handler's body", "/body", func(*panicListener, bool) {}},
		{"reader", "/", func(l *panicListener, on bool) { l.read.Store(on) }},
		{"writer", "/", func(l *panicListener, on bool) { l.write.Store(on) }},
		{"writer of a large response", "/large", func(l *panicListener, on bool) { l.write.Store(on) }},
		{"access log", "/log", func(*panicListener, bool) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEachEngine(t, func(t *testing.T, g protocol) {
				l := &panicListener{}
				e, conf := startPanicking(t, l, g)
				first := client(t, e, conf, g)
				if resp, err := first.Get("https://example.com/"); err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("before: %v, %v", resp, err)
				}
				// The connection may end before the next request is sent, which the
				// client would repeat on another one.
				first.Transport.(*http.Transport).DialContext = refuseDial
				c.set(l, true)
				resp, err := first.Post("https://example.com"+c.path, "", strings.NewReader("hello"))
				if err == nil && resp.StatusCode != http.StatusInternalServerError && c.path != "/log" {
					t.Errorf("answered %v", resp)
				}
				c.set(l, false)
				if c.path == "/panic" && (err != nil || resp.StatusCode != http.StatusInternalServerError || !resp.Close && !g.http2) {
					t.Errorf("answered %v, %v, want a 500 that closes the connection", resp, err)
				}
				e.awaitPanic(t)
				if resp, err := client(t, e, conf, g).Get("https://example.com/"); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("after: %v, %v", resp, err)
				}
				e.expectOnePanic(t)
			})
		})
	}
}

func TestPanicInTheHandshakeEndsOneConnection(t *testing.T) {
	server, conf := certificate(t)
	usual := server.Certificate
	server.Certificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "panic.example.com" {
			panic("certificate")
		}
		return usual(hello)
	}
	e := start(t, &echo{}, defaultSettings, server)
	other := conf.Clone()
	other.ServerName = "panic.example.com"
	if _, err := tls.Dial("tcp", e.addr, other); err == nil {
		t.Error("the handshake has succeeded")
	}
	e.awaitPanic(t)
	if c, err := tls.Dial("tcp", e.addr, conf); err != nil {
		t.Errorf("after: %v", err)
	} else {
		c.Close()
	}
	e.expectOnePanic(t)
}

func refuseDial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("a second connection")
}

// awaitPanic waits until a panic is logged.
func (r *running) awaitPanic(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); len(r.panics()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no panic is logged")
		}
	}
}

func (r *running) panics() []zapobserver.LoggedEntry {
	return r.log.FilterField(logging.Panicked.Field()).All()
}

// expectOnePanic ends the server, and wants one panic in log and metrics.
func (r *running) expectOnePanic(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = r.Shutdown(ctx)
	if !r.counted(t, `foobar_http_panics_total{listener="https"} 1`) {
		t.Error("not counted once")
	}
	entries := r.panics()
	if len(entries) != 1 {
		t.Fatalf("the log has %d panics", len(entries))
	}
	if stack, _ := entries[0].ContextMap()["stack"].(string); !strings.Contains(stack, "goroutine ") {
		t.Errorf("the entry has no stack: %T", entries[0].ContextMap()["stack"])
	}
}

// startPanicking serves a handler that panics at some paths, and an access log
// that does so at /log.
func startPanicking(t *testing.T, l *panicListener, g protocol) (*running, *tls.Config) {
	t.Helper()
	server, conf := certificate(t)
	s := g.settings(defaultSettings)
	s.AccessLog = true
	h := handlerFunc(func(r *api.Request) api.Response {
		switch r.Path {
		case "/panic":
			panic("handler")
		case "/body":
			r.Body.Read(make([]byte, 1))
			panic("handler")
		case "/large":
			return api.Response{Status: http.StatusOK, Body: make([]byte, 1<<20)}
		}
		return api.Response{Status: http.StatusOK}
	})
	return startWith(t, h, s, server, func(inner net.Listener, o *Options) net.Listener {
		l.Listener = inner
		o.AccessLog = o.AccessLog.WithOptions(zap.Hooks(func(entry zapcore.Entry) error {
			if strings.Contains(entry.Message, "/log") {
				panic("access log")
			}
			return nil
		}))
		return l
	}), conf
}

// TestPanicAfterTheHeader wants the response to be cut off, because only that shows the
// client that the response is incomplete.
func TestPanicAfterTheHeader(t *testing.T) {
	onEachEngine(t, func(t *testing.T, g protocol) {
		if g.fast {
			t.Skip("its handlers return a response as a whole")
		}
		server, conf := certificate(t)
		e := startWith(t, &echo{}, g.settings(defaultSettings), server, func(l net.Listener, o *Options) net.Listener {
			o.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "hello")
				http.NewResponseController(w).Flush()
				panic("late")
			})
			return l
		})
		resp, err := client(t, e, conf, g).Get("https://example.com/")
		if err == nil {
			if _, err = io.ReadAll(resp.Body); err == nil {
				t.Error("the response looks whole")
			}
		}
		e.awaitPanic(t)
		e.expectOnePanic(t)
	})
}

// TestAbortHandlerIsNoPanic panics with http.ErrAbortHandler, by which a handler of
// net/http cuts its response off. It is neither logged nor counted.
func TestAbortHandlerIsNoPanic(t *testing.T) {
	onEachEngine(t, func(t *testing.T, g protocol) {
		if g.fast {
			t.Skip("a matter of net/http's handlers")
		}
		server, conf := certificate(t)
		e := start(t, handlerFunc(func(*api.Request) api.Response { panic(http.ErrAbortHandler) }), g.settings(defaultSettings), server)
		if resp, err := client(t, e, conf, g).Get("https://example.com/"); err == nil {
			t.Errorf("answered %v", resp)
		}
		if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
			t.Error("the request is in flight")
		}
		if entries := e.panics(); len(entries) > 0 {
			t.Errorf("logged: %v", entries)
		}
	})
}
