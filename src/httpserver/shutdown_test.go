package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"foobar/src/api"
)

// TestShutdownCutsNobodyOff shuts down a Server that has a request in flight, an idle
// connection and one that has sent nothing, for each protocol.
func TestShutdownCutsNobodyOff(t *testing.T) {
	server, conf := certificate(t)
	onEachEngine(t, func(t *testing.T, g protocol) {
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		h := handlerFunc(func(r *api.Request) api.Response {
			if r.Path == "/slow" {
				entered <- struct{}{}
				<-leave
			}
			return api.Response{Status: http.StatusOK, Body: []byte("whole")}
		})
		e := start(t, h, g.settings(longTimeouts()), server)
		idle := client(t, e, conf, g)
		if _, err := idle.Get("https://example.com/"); err != nil {
			t.Fatal(err)
		}
		slow := make(chan error, 1)
		busy := client(t, e, conf, g)
		go func() {
			resp, err := busy.Get("https://example.com/slow")
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				if string(body) != "whole" || !g.http2 && !resp.Close {
					err = errors.Join(err, errors.New("not whole, or the connection stays: "+string(body)))
				}
			}
			slow <- err
		}()
		<-entered
		silent := dial(t, e.addr)
		stopped := make(chan error, 1)
		begun := time.Now()
		go func() { stopped <- e.Shutdown(context.Background()) }()
		for deadline := time.Now().Add(5 * time.Second); !e.draining.Load() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if _, err := client(t, e, conf, g).Get("https://example.com/"); err != nil {
			t.Errorf("a request during the drain: %v", err)
		}
		select {
		case err := <-stopped:
			t.Fatalf("ended with a request in flight: %v", err)
		case <-time.After(drainAnnounce):
		}
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("tcp", e.addr)
			if err != nil {
				break
			}
			c.Close()
			if time.Now().After(deadline) {
				t.Fatal("still accepts")
			}
		}
		close(leave)
		if err := <-slow; err != nil {
			t.Errorf("the request in flight: %v", err)
		}
		if err := <-stopped; err != nil || time.Since(begun) > 4*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
		}
		if n := e.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		silent.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := silent.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the silent connection is still open")
		}
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		entered, leave := make(chan struct{}), make(chan struct{})
		h := handlerFunc(func(*api.Request) api.Response {
			close(entered)
			<-leave
			return api.Response{Status: http.StatusOK}
		})
		e := start(t, h, g.settings(defaultSettings), nil)
		c := dial(t, e.addr)
		io.WriteString(c, get(""))
		<-entered
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
		close(leave)
	})
}

// TestPendingRequestIsRead sends a request that arrives after the deadline, but before the
// server reads.
func TestPendingRequestIsRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := dial(t, l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	socket, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	b := &conn{Conn: c, socket: socket}
	b.draining.Store(true)
	read := func() (string, error) {
		c.SetReadDeadline(time.Now().Add(-time.Second))
		p := make([]byte, 100)
		n, err := b.Read(p)
		return string(p[:n]), err
	}
	if s, err := read(); s != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("before the request: %q, %v", s, err)
	}
	io.WriteString(client, "a request")
	got, err := read()
	for deadline := time.Now().Add(5 * time.Second); got == "" && time.Now().Before(deadline); got, err = read() {
	}
	if got != "a request" || err != nil {
		t.Errorf("the request: %q, %v", got, err)
	}
	client.Close()
	if s, err := read(); s != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the end: %q, %v", s, err)
	}
}
