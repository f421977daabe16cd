package httpserver

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"foobar/src/connlimit"
	"foobar/src/request"
)

// A conn is an open connection as it was accepted, below TLS. It knows what the
// engine above it is doing, so that a shutdown ends idle connections alone.
type conn struct {
	net.Conn
	records    []byte // of TLS, to be written in one call; see coalesce
	server     *Server
	acceptedAt time.Time
	client     request.Client
	panicked   atomic.Bool
	writing    sync.Mutex   // held by Write in HTTP/2
	requests   atomic.Int64 // of HTTP/2 since the connection was idle: at least those in progress
	streams    atomic.Int64 // of HTTP/2 whose requests are in progress

	mu                 sync.Mutex
	phase              connlimit.Phase
	since              time.Time // when the phase began
	sawRequest, closed bool
	inHeader, large    bool            // counted by quotas.headers, and by quotas.large until Close
	http2              atomic.Bool     // net/http's: ends by GOAWAY, not by a deadline
	draining           atomic.Bool     // closed once it is idle
	announced          atomic.Bool     // was open when the drain began
	drainingSince      time.Time       // when draining became true
	received           int             // bytes that Read has returned, but for those of readNow
	deadlines          atomic.Int64    // of reads, set since the phase began
	socket             syscall.RawConn // nil if Conn is no socket
	fd                 uintptr         // what fastConn.tryRead reads from, otherwise 0
}

func newConn(s *Server, nc net.Conn) *conn {
	now := time.Now()
	c := &conn{Conn: nc, server: s, acceptedAt: now, since: now}
	c.client = request.Client{Trusted: s.options.Trusted, Conn: c, Address: connlimit.ClientAddress(nc.RemoteAddr())}
	if socket, ok := nc.(syscall.Conn); ok {
		c.socket, _ = socket.SyscallConn()
	}
	return c
}

// Address implements connlimit.Conn.
func (c *conn) Address() netip.Prefix { return c.client.Address }

// Wait implements connlimit.Conn.
func (c *conn) Wait() connlimit.Wait {
	c.mu.Lock()
	defer c.mu.Unlock()
	return connlimit.Wait{Phase: c.phase, HTTP2: c.http2.Load(), Streams: int(c.streams.Load()), Large: c.large, Since: c.since}
}

// startDrain closes the connection as soon as it is idle. A request that has
// arrived is answered.
func (c *conn) startDrain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining.Store(true)
	if c.phase == connlimit.Active || c.http2.Load() {
		return
	}
	c.drainingSince = time.Now()
	c.Conn.SetReadDeadline(c.drainDeadline())
}

// SetReadDeadline implements net.Conn. It bounds the time for which a draining
// connection is idle.
//
// net/http sets the deadline of an idle connection, and a second one when it has the
// first bytes of a header, which may have arrived with the request before.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.deadlines.Add(1) > 1 {
		c.startHeader()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining.Load() && c.phase != connlimit.Active && !c.http2.Load() {
		latest := c.drainDeadline()
		if t.IsZero() || t.After(latest) {
			t = latest
		}
	}
	return c.Conn.SetReadDeadline(t)
}

// drainDeadline is when a draining connection without a request is closed. No
// byte of a request's header moves it.
func (c *conn) drainDeadline() time.Time {
	switch {
	case !c.sawRequest:
		return c.acceptedAt.Add(firstRequestGrace)
	case c.since.After(c.drainingSince):
		return c.since.Add(drainAnnounce)
	case c.phase == connlimit.Idle:
		return c.drainingSince
	}
	return c.drainingSince.Add(drainAnnounce)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline implements net.Conn. In HTTP/2 each write has a deadline of its own.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.http2.Load() {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// readNow reads what has arrived. If that is nothing, the error is EAGAIN. After this
// error, and after that of a deadline, TLS can be read again.
func (c *conn) readNow(p []byte, becomesLarge bool) (int, error) {
	if becomesLarge {
		return 0, os.ErrDeadlineExceeded // Close, if it had to make room, would wait for tryRead
	}
	n, err := syscall.Read(int(c.fd), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	becomesLarge := len(p) > smallRead && c.server.tls != nil && !c.Wait().Large
	if c.fd != 0 {
		return c.readNow(p, becomesLarge)
	}
	defer c.recoverPanic(&err)
	// Other goroutines run first: by the time that they are done, this client has
	// often sent its next request. Under load that saves most of the reads that
	// would find nothing, and a turn of the poller after each.
	runtime.Gosched()
	if c.panicked.Load() {
		return 0, errPanicked
	}
	if c.http2.Load() {
		// A client that reads nothing must not make net/http queue more responses,
		// such as 10,000 acknowledgements of PING.
		c.writing.Lock()
		c.writing.Unlock() //lint:ignore SA2001 only the end of a write is awaited
	}
	if becomesLarge {
		c.count(c.server.quotas.large, &c.large, true) // until Close
	}
	n, err = c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.draining.Load() && c.socket != nil {
		if n = c.readPending(p); n > 0 {
			err = nil
		}
	}
	if c.received += n; c.received > maxHandshakeBytes && c.Wait().Phase == connlimit.Handshake {
		return 0, errHandshakeSize
	}
	if n > 0 {
		c.startHeader()
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	defer c.recoverPanic(&err)
	if c.panicked.Load() {
		return 0, errPanicked // TLS would send its closing alert
	}
	if c.records != nil {
		return c.writeCoalesced(p)
	}
	if c.http2.Load() {
		// TLS writes while it reads, too, such as the response to a KeyUpdate, and
		// holds a lock meanwhile that Close waits for.
		c.writing.Lock()
		defer c.writing.Unlock()
		c.Conn.SetWriteDeadline(time.Now().Add(c.server.settings.Load().Response))
	}
	return c.Conn.Write(p)
}

// errPanicked is what Read and Write return after a panic in one of them. net/http
// calls them on goroutines of its own, on which a panic would end the process.
var errPanicked = errors.New("panic while the connection was read or written")

func (c *conn) recoverPanic(err *error) {
	if p := recover(); p != nil {
		c.panicked.Store(true)
		c.server.observer.connPanicked(p)
		go c.Close() // which waits for fastConn.tryRead
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

// CutOff implements request.Conn.
func (c *conn) CutOff() { c.makeRoom(reasonVersions) }

// makeRoom closes the connection.
func (c *conn) makeRoom(reason string) {
	c.server.observer.refused(reason, errEvicted, c.RemoteAddr())
	c.Close()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.server.conns.Remove(c)
	}
	c.count(c.server.quotas.large, &c.large, false)
	c.count(c.server.quotas.headers, &c.inHeader, false)
	return c.Conn.Close()
}
