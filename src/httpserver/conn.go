package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"foobar/src/api"
)

// A phase is what a connection is doing.
type phase int

const (
	phaseHandshake phase = iota
	phaseIdle            // waits for a request
	phaseActive          // reads or answers one
)

// A conn is an open connection as it was accepted, below TLS. It knows what the
// engine above it is doing, so that a shutdown ends idle connections alone.
type conn struct {
	net.Conn
	coalescer
	server     *Server
	acceptedAt time.Time
	client     api.Client
	closeOnce  sync.Once
	panicked   atomic.Bool

	mu         sync.Mutex
	phase      phase
	since      time.Time // when the handshake or the wait for a request began
	sawRequest bool
	http2      bool        // net/http's: ends by GOAWAY, not by a deadline
	draining   atomic.Bool // closed once it is idle
	announced  atomic.Bool // was open when the drain began
}

func newConn(s *Server, nc net.Conn) *conn {
	now := time.Now()
	return &conn{Conn: nc, server: s, acceptedAt: now, since: now, client: api.Client{Trusted: s.options.Trusted}}
}

// handshake performs the TLS handshake, until limit at most.
func (c *conn) handshake(ctx context.Context, t *tls.Conn, limit time.Duration) error {
	now := time.Now()
	c.SetWriteDeadline(now.Add(limit))
	c.SetReadDeadline(now.Add(limit))
	return t.HandshakeContext(ctx)
}

// startNetHTTP prepares the connection for net/http, which sets the deadlines
// from now on.
func (c *conn) startNetHTTP(http2 bool) {
	c.mu.Lock()
	c.http2 = http2
	c.mu.Unlock()
	c.setIdle(time.Now())
	c.SetDeadline(time.Time{})
}

func (c *conn) setIdle(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.since = phaseIdle, now
}

func (c *conn) setActive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.sawRequest = phaseActive, true
}

// startDrain closes the connection as soon as it is idle. A request that has
// arrived is answered.
func (c *conn) startDrain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining.Store(true)
	if c.phase == phaseActive || c.http2 {
		return
	}
	now := time.Now()
	if c.sawRequest {
		c.Conn.SetReadDeadline(now)
	} else {
		c.Conn.SetReadDeadline(c.firstRequestDeadline(now))
	}
}

// firstRequestDeadline returns until when a draining connection that has brought
// no request waits for one.
func (c *conn) firstRequestDeadline(now time.Time) time.Time {
	if t := c.acceptedAt.Add(firstRequestGrace); t.After(now) {
		return t
	}
	return now
}

// SetReadDeadline implements net.Conn. It bounds the time for which a draining
// connection is idle.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() && c.phase != phaseActive && !c.http2 {
		latest := time.Now().Add(drainAnnounce)
		if !c.sawRequest {
			latest = c.firstRequestDeadline(time.Now())
		}
		if t.IsZero() || t.After(latest) {
			t = latest
		}
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	defer c.recoverPanic(&err)
	// Other goroutines run first: by the time that they are done, this client has
	// often sent its next request. Under load that saves most of the reads that
	// would find nothing, and a turn of the poller after each.
	runtime.Gosched()
	n, err = c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.draining.Load() {
		return c.readPending(p, err)
	}
	return n, err
}

// readPending reads what has arrived although the deadline has passed: on a busy
// machine the goroutine wakes up late, and a request that is in the socket would
// fail. It returns timeout if nothing has arrived.
func (c *conn) readPending(p []byte, timeout error) (n int, _ error) {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		return 0, timeout
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, timeout
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(firstRequestGrace)) // for the rest of the request
	_ = raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	if n > 0 {
		return n, nil
	}
	return 0, timeout
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	defer c.recoverPanic(&err)
	if c.panicked.Load() {
		return 0, errPanicked // TLS would send its closing alert
	}
	return c.write(c.Conn, p)
}

// errPanicked is what Read and Write return after a panic in one of them. net/http
// calls them on goroutines of its own, on which a panic would end the process.
var errPanicked = errors.New("panic while the connection was read or written")

func (c *conn) recoverPanic(err *error) {
	if p := recover(); p != nil {
		c.panicked.Store(true)
		c.server.observer.connPanicked(p)
		c.Close()
		*err = errPanicked
	}
}

// CloseWrite closes the writing side, if the connection has one of its own.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		c.server.conns.remove(c)
		c.server.acceptor.limiter.release()
	})
	return c.Conn.Close()
}
