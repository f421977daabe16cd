// Package load sends requests to HTTPS servers over connections that are made
// before the clock starts. A Pool has a closed loop, Run, in which each
// connection sends its next request when the last one is answered, and an open
// loop, RunAt, in which requests are sent at a fixed rate whatever the server
// does. Read pool.go first.
package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"time"

	"github.com/valyala/fasthttp"
)

// timeout is for one exchange, and ends a measurement whose server hangs.
const timeout = 30 * time.Second

// A Target is a server that speaks HTTP/1.1 over TLS.
type Target struct {
	Address string // host:port
	TLS     *tls.Config
	// Dial replaces net.Dial if it is not nil.
	Dial func(address string) (net.Conn, error)
}

func (t Target) dial() (net.Conn, error) {
	if t.Dial != nil {
		return t.Dial(t.Address)
	}
	return net.Dial("tcp", t.Address)
}

// Connect makes one connection and its handshake.
func (t Target) Connect() (*Conn, error) {
	raw, err := t.dial()
	if err != nil {
		return nil, err
	}
	return t.startTLS(raw)
}

func (t Target) startTLS(raw net.Conn) (*Conn, error) {
	socket := &socket{Conn: raw}
	c := &Conn{TLS: tls.Client(socket, t.TLS), socket: socket}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := c.TLS.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("handshake with %s: %w", t.Address, err)
	}
	c.in = bufio.NewReader(c.TLS)
	return c, nil
}

// A Conn is a client's connection. One goroutine at a time may use it.
type Conn struct {
	TLS    *tls.Conn
	socket *socket
	in     *bufio.Reader
	header fasthttp.ResponseHeader
}

// Exchange sends a whole request and reads the whole response. It returns the
// size of the response's body in bytes; a status other than 2xx is an error.
func (c *Conn) Exchange(request []byte) (int, error) {
	if err := c.TLS.SetDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	if _, err := c.TLS.Write(request); err != nil {
		return 0, err
	}
	if err := c.header.Read(c.in); err != nil {
		return 0, err
	}
	if status := c.header.StatusCode(); status < 200 || status > 299 {
		return 0, fmt.Errorf("status %d", status)
	}
	if c.header.StatusCode() == fasthttp.StatusNoContent {
		return 0, nil
	}
	switch length := c.header.ContentLength(); {
	case length >= 0:
		return c.in.Discard(length)
	case length == chunked:
		return c.discardChunks()
	default:
		return 0, errors.New("the response has no length, and ends with the connection")
	}
}

// chunked is fasthttp's Content-Length of a chunked body.
const chunked = -1

func (c *Conn) discardChunks() (int, error) {
	n, err := io.Copy(io.Discard, httputil.NewChunkedReader(c.in))
	if err != nil {
		return int(n), err
	}
	// The empty line at the end: the servers send no trailers.
	_, err = c.in.Discard(len("\r\n"))
	return int(n), err
}

// Close closes the connection.
func (c *Conn) Close() error { return c.TLS.Close() }
