package httpserver

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// A heldConn keeps what is written until flush.
type heldConn struct {
	net.Conn
	hold bool
	held bytes.Buffer
}

func (c *heldConn) Write(p []byte) (int, error) {
	if c.hold {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

// flush sends what is held, size bytes at a time.
func (c *heldConn) flush(t *testing.T, size int) {
	t.Helper()
	for c.held.Len() > 0 {
		if _, err := c.Conn.Write(c.held.Next(size)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRecordsInPieces sends requests to an idle connection in records of TLS that arrive
// together, in pieces, and larger than the connection had buffers for.
func TestRecordsInPieces(t *testing.T) {
	conf, trust := certificate(t)
	trust.DynamicRecordSizingDisabled = true // a request is one record
	for name, c := range map[string]struct {
		fields          string
		requests, piece int
	}{
		"one record":           {"", 1, 1 << 20},
		"two at once":          {"", 2, 1 << 20},
		"byte by byte":         {"", 1, 1},
		"three, in pieces":     {"", 3, 100},
		"a large one":          {"X: " + string(bytes.Repeat([]byte("a"), 12<<10)) + "\r\n", 1, 1 << 20},
		"large ones, in parts": {"X: " + string(bytes.Repeat([]byte("a"), 12<<10)) + "\r\n", 2, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, &echo{}, longTimeouts(), conf)
			held := &heldConn{Conn: dial(t, e.addr)}
			held.SetDeadline(time.Now().Add(20 * time.Second))
			client := tls.Client(held, trust)
			if err := client.Handshake(); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(client)
			for range 2 { // the second time with the buffers that the first has left
				held.hold = true
				for range c.requests {
					if _, err := io.WriteString(client, get(c.fields)); err != nil {
						t.Fatal(err)
					}
				}
				held.hold = false
				held.flush(t, c.piece)
				for i := range c.requests {
					if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusOK {
						t.Fatalf("response %d: %v, %v", i, resp, err)
					}
				}
				for _, open := range e.conns.All() {
					if large := len(c.fields) > smallRead; open.Wait().Large != large {
						t.Errorf("the connection counts as large: %v, want %v", !large, large)
					}
				}
			}
		})
	}
}

// A panicSocket is a socket on which writing can panic.
type panicSocket struct{ *panicConn }

func (s panicSocket) SyscallConn() (syscall.RawConn, error) {
	return s.panicConn.Conn.(syscall.Conn).SyscallConn()
}

type panicSockets struct{ *panicListener }

func (l panicSockets) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return panicSocket{&panicConn{c, l.panicListener}}, err
}

// TestPanicWhileIdle has a client end its TLS in a way that the server answers with an
// alert, the writing of which panics.
func TestPanicWhileIdle(t *testing.T) {
	conf, trust := certificate(t)
	l := &panicListener{}
	e := startWith(t, &echo{}, longTimeouts(), conf, func(inner net.Listener, _ *Options) net.Listener {
		l.Listener = inner
		return panicSockets{l}
	})
	raw := dial(t, e.addr)
	if err := tls.Client(raw, trust).Handshake(); err != nil {
		t.Fatal(err)
	}
	l.write.Store(true)
	io.WriteString(raw, "\x17\x03\x03\x00\x10no record of TLS")
	e.awaitPanic(t)
	raw.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, raw); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}
