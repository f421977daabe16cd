package httpserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// An unreadConn is a connection whose client reads nothing.
type unreadConn struct {
	net.Conn
	closed <-chan struct{}
}

func (c unreadConn) Read([]byte) (int, error) {
	<-c.closed
	return 0, io.EOF
}

// TestUnreadHandshake checks that a client which reads nothing of the server's part
// of a handshake does not hold it.
func TestUnreadHandshake(t *testing.T) {
	options, config := certificate(t)
	server, client := net.Pipe() // without buffers
	defer client.Close()
	go tls.Client(unreadConn{client, t.Context().Done()}, config).Handshake()
	s := longTimeouts()
	s.Header = 100 * time.Millisecond
	e := start(t, &echo{}, s, options)
	ended := make(chan error, 1)
	go func() {
		c := newConn(e.Server, server)
		ended <- c.handshake(tls.Server(c, e.tls))
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the handshake ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the handshake has not ended")
	}
}

// TestDeadlineOfTheLastResponse checks that what is written on an open connection has
// a deadline of its own, and not that of the response before.
func TestDeadlineOfTheLastResponse(t *testing.T) {
	s := longTimeouts()
	s.Response = 50 * time.Millisecond
	for next, status := range map[string]int{
		get(""):            http.StatusOK,
		"nonsense\r\n\r\n": http.StatusBadRequest,
		post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""): http.StatusContinue,
	} {
		onHTTP1(t, func(t *testing.T, g protocol) {
			c := dial(t, start(t, &echo{}, g.settings(s), nil).addr)
			in := bufio.NewReader(c)
			wantStatus(t, c, in, get(""), http.StatusOK)
			time.Sleep(3 * s.Response) // the deadline is to pass
			wantStatus(t, c, in, next, status)
		})
	}
}

// TestUnreadContinue checks that a client which does not read the response 100 (Continue)
// does not hold its connection.
func TestUnreadContinue(t *testing.T) {
	s := longTimeouts()
	s.Header, s.Body, s.Response = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	onHTTP1(t, func(t *testing.T, g protocol) {
		e := start(t, &echo{}, g.settings(s), nil)
		server, client := net.Pipe() // without buffers
		defer client.Close()
		e.Server.start(server)
		if _, err := io.WriteString(client, post("Content-Length: 5\r\nExpect: 100-continue\r\n", "")); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); e.Connections() > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the connection is still open")
			}
		}
	})
}

// TestWritesOfHTTP2HaveDeadlines checks that a write ends which nobody set a deadline for,
// such as that of TLS while it reads, and that nothing is read until then.
func TestWritesOfHTTP2HaveDeadlines(t *testing.T) {
	s := longTimeouts()
	s.Response = 100 * time.Millisecond
	options, _ := certificate(t)
	server, client := net.Pipe() // without buffers
	defer client.Close()
	c := newConn(start(t, &echo{}, s, options).Server, server)
	c.http2.Store(true)
	c.SetWriteDeadline(time.Time{}) // as net/http does after each write
	ended := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("response"))
		ended <- err
	}()
	for c.writing.TryLock() { // until Write has it
		c.writing.Unlock()
		runtime.Gosched()
	}
	go client.Write([]byte("request"))
	if _, err := c.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write ends with %v", err)
		}
	default:
		t.Error("a request was read before the response was written")
	}
}

func wantStatus(t *testing.T, c net.Conn, in *bufio.Reader, request string, status int) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("%.20q: %v", request, err)
	}
	io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != status {
		t.Errorf("%.20q got status %d, want %d", request, resp.StatusCode, status)
	}
}
