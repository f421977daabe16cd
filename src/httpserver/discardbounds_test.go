package httpserver

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"foobar/src/api"
)

// discarding are the places where a server reads what it has no use for, so that the
// client reads the response: after the response of each engine for HTTP/1.1, and after a
// handshake that has failed.
var discarding = []struct {
	name   string
	fast   bool
	secure bool
	begin  string
}{
	{"http1", true, false, post("Content-Length: 1000000000000\r\n", "")},
	{"http1, no request", true, false, "nonsense\r\n\r\n"},
	{"net/http", false, false, post("Content-Length: 1000000000000\r\n", "")},
	{"handshake", true, true, "GET / HTTP/1.1\r\n\r\n"},
}

// beginDiscard starts a server for each of discarding, and calls f with a connection on
// which the server discards from now on.
func beginDiscard(t *testing.T, settings Settings, f func(*testing.T, net.Conn)) {
	refuse := handlerFunc(func(*api.Request) api.Response {
		return api.Response{Status: http.StatusUnauthorized, Close: true}
	})
	options, _ := certificate(t)
	for _, d := range discarding {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			settings, o := settings, options
			settings.FastPath = d.fast
			if !d.secure {
				o = nil
			}
			c := dial(t, start(t, refuse, settings, o).addr)
			c.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(c, d.begin); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatalf("no response: %v", err)
			}
			f(t, c)
		})
	}
}

// TestDiscardedBytesAreLimited checks that a client which sends fast, and never ends, is
// cut off after MaxDiscard bytes and what the buffers of the kernel hold.
func TestDiscardedBytesAreLimited(t *testing.T) {
	settings := longTimeouts()
	settings.MaxDiscard = 64 << 10
	beginDiscard(t, settings, func(t *testing.T, c net.Conn) {
		chunk, sent := make([]byte, 64<<10), 0
		for sent < 128<<20 {
			n, err := c.Write(chunk)
			sent += n
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return
			}
		}
		t.Errorf("the connection is open after %d bytes", sent)
	})
}

// TestDiscardEndsInTime checks that a client which sends a byte now and then, and never
// ends, is cut off after timeouts.body.
func TestDiscardEndsInTime(t *testing.T) {
	settings := longTimeouts()
	settings.Body = 300 * time.Millisecond
	beginDiscard(t, settings, func(t *testing.T, c net.Conn) {
		for begun := time.Now(); time.Since(begun) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
		}
		t.Error("the connection is open") // the server may have closed its side for writing
	})
}
