package httpserver

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"foobar/src/connlimit"
)

// TestHalfHeadersAreLimited checks that no more than limits.requests connections have
// sent a part of a header, wherever the server has it: in the socket, in what TLS has
// read with the end of the handshake, or behind a request.
func TestHalfHeadersAreLimited(t *testing.T) {
	conf, config := certificate(t)
	config.NextProtos = []string{"http/1.1"}
	settings := longTimeouts()
	settings.Requests = 1
	for name, send := range map[string]func(c net.Conn, text string) (net.Conn, error){
		"plain": func(c net.Conn, text string) (net.Conn, error) {
			_, err := io.WriteString(c, text)
			return c, err
		},
		"TLS": func(c net.Conn, text string) (net.Conn, error) {
			secure := tls.Client(c, config)
			_, err := io.WriteString(secure, text)
			return secure, err
		},
		"TLS, with the handshake": func(c net.Conn, text string) (net.Conn, error) {
			held, config := &heldConn{Conn: c}, config.Clone()
			config.VerifyConnection = func(tls.ConnectionState) error { held.hold = true; return nil }
			secure := tls.Client(held, config)
			_, err := io.WriteString(secure, text)
			held.flush(t, held.held.Len())
			return secure, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			onHTTP1(t, func(t *testing.T, g protocol) {
				options := conf
				if name == "plain" {
					options = nil
				}
				for _, before := range []string{"", get("")} {
					r := start(t, &echo{}, g.settings(settings), options)
					var conns []net.Conn
					for range 2 {
						c, err := send(dial(t, r.addr), before+"GET / HTTP/1.1\r\nHost: a\r\n")
						if err != nil {
							t.Fatal(err)
						}
						conns = append(conns, c)
					}
					wantOneClosed(t, conns)
				}
			})
		})
	}
}

// TestSilentConnectionsAreNoHeader checks that connections which have sent nothing yet do
// not count as those that have sent a part of a header.
func TestSilentConnectionsAreNoHeader(t *testing.T) {
	conf, config := certificate(t)
	config.NextProtos = []string{"http/1.1"}
	settings := longTimeouts()
	settings.Requests = 4 // one may end after its response was read
	onHTTP1(t, func(t *testing.T, g protocol) {
		r := start(t, &echo{}, g.settings(settings), conf)
		var conns []net.Conn
		for range 2 * settings.Requests {
			c := tls.Client(dial(t, r.addr), config)
			c.SetDeadline(time.Now().Add(20 * time.Second))
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range slices.Backward(conns) { // after the last one, all are in net/http
			wantStatus(t, c, bufio.NewReader(c), get(""), http.StatusOK)
		}
	})
}

// TestFramesAreNoHeader checks that frames of HTTP/2, and the deadlines that net/http sets
// for them, leave a connection idle.
func TestFramesAreNoHeader(t *testing.T) {
	server, client := net.Pipe()
	defer client.Close()
	c := newConn(start(t, &echo{}, longTimeouts(), nil).Server, server)
	c.http2.Store(true)
	c.setPhase(connlimit.Idle, time.Now())
	go client.Write([]byte("half a frame"))
	if _, err := c.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.SetReadDeadline(time.Now().Add(time.Minute))
	}
	if phase := c.Wait().Phase; phase != connlimit.Idle {
		t.Errorf("the phase is %v, want %v", phase, connlimit.Idle)
	}
}
