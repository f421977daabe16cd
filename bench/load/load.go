// Package load keeps HTTPS servers busy over connections that are made before
// the clock starts.
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
	"slices"
	"sync"
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

// Connect makes one connection, handshake included.
func (t Target) Connect() (*Conn, error) {
	raw, err := t.dial()
	if err != nil {
		return nil, err
	}
	return t.secure(raw)
}

func (t Target) secure(raw net.Conn) (*Conn, error) {
	c := &Conn{TLS: tls.Client(raw, t.TLS)}
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
	in     *bufio.Reader
	header fasthttp.ResponseHeader
}

// Exchange sends request, which must be whole, and reads the answer to its end.
// It returns the size of the body in bytes; a status other than 2xx is an error.
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
		return 0, errors.New("an answer that only the connection's end delimits")
	}
}

// chunked is what fasthttp says instead of the length of a chunked body.
const chunked = -1

func (c *Conn) discardChunks() (int, error) {
	n, err := io.Copy(io.Discard, httputil.NewChunkedReader(c.in))
	if err != nil {
		return int(n), err
	}
	// The empty line that ends it; what we measure sends no trailers.
	_, err = c.in.Discard(len("\r\n"))
	return int(n), err
}

// Close closes the connection.
func (c *Conn) Close() error { return c.TLS.Close() }

// A Pool is a number of open connections to one server.
type Pool struct{ conns []*Conn }

// Open makes n connections and has a GET of path answered on each, which then is
// one between requests: servers close soon what has sent none.
func Open(t Target, n int, path string) (*Pool, error) {
	p := &Pool{conns: make([]*Conn, n)}
	get := Get(path)
	var group sync.WaitGroup
	var failed first
	atOnce := make(chan struct{}, 64) // fewer than a listener's backlog
	for i := range p.conns {
		atOnce <- struct{}{}
		if failed.get() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-atOnce }()
			c, err := t.Connect()
			p.conns[i] = c
			if err == nil {
				_, err = c.Exchange(get)
			}
			failed.set(err)
		})
	}
	group.Wait()
	if err := failed.get(); err != nil {
		p.Close()
		return nil, fmt.Errorf("open %d connections: %w", n, err)
	}
	return p, nil
}

// Close closes all connections.
func (p *Pool) Close() {
	for _, c := range p.conns {
		if c != nil {
			c.Close()
		}
	}
}

// Run sends one request after the other on every connection for as long as d
// says. Request returns the next one for a connection, counted from 0; it must
// stay valid until the next call for the same connection. The first failure
// ends the run.
func (p *Pool) Run(d time.Duration, request func(conn int) []byte) (Result, error) {
	var group sync.WaitGroup
	var failed first
	took := make([][]time.Duration, len(p.conns))
	start := time.Now()
	for i, c := range p.conns {
		group.Go(func() {
			for failed.get() == nil {
				sent := time.Now()
				_, err := c.Exchange(request(i))
				done := time.Now()
				failed.set(err)
				if err != nil || done.Sub(start) > d {
					return
				}
				took[i] = append(took[i], done.Sub(sent))
			}
		})
	}
	group.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	return Result{Elapsed: d, took: all}, failed.get()
}

// A Result is what one run measured.
type Result struct {
	Elapsed time.Duration
	took    []time.Duration // sorted
}

// Requests is how many requests were answered in time.
func (r Result) Requests() int { return len(r.took) }

// Rate is Requests per second.
func (r Result) Rate() float64 { return float64(len(r.took)) / r.Elapsed.Seconds() }

// Quantile is the time in which this share of the requests was answered.
func (r Result) Quantile(share float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[min(int(share*float64(len(r.took))), len(r.took)-1)]
}

// first keeps the first error.
type first struct {
	mu  sync.Mutex
	err error
}

func (f *first) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *first) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
