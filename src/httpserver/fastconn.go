package httpserver

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"foobar/src/connlimit"
	"foobar/src/engine"
)

// A fastConn is a connection that package http1 serves, and its deadlines. It
// implements engine.Conn.
type fastConn struct {
	net.Conn              // TLS, or the same as transport
	transport       *conn // what carries it
	readBy, writeBy time.Time
	read            func() error // of ReadFirst, and its last result
	readErr         error
}

// ReadFirst implements engine.Conn. It waits without the frames of TLS on the stack:
// so the garbage collector can halve the stack of an idle connection once more.
func (c *fastConn) ReadFirst(read func() error, limit time.Duration) error {
	now := time.Now()
	c.transport.setPhase(connlimit.Idle, now)
	c.SetReadTimeout(now, limit)
	c.read = read
	runtime.Gosched() // as conn.Read does
	if s := c.transport.socket; s != nil && s.Read(c.tryRead) == nil && c.readErr != os.ErrDeadlineExceeded {
		return c.readErr
	}
	return read()
}

// tryRead reports whether something has arrived, and reads it.
func (c *fastConn) tryRead(fd uintptr) bool {
	c.transport.fd = fd
	c.readErr = c.read()
	c.transport.fd = 0
	return c.readErr != syscall.EAGAIN
}

// SetHeaderTimeout implements engine.Conn.
func (c *fastConn) SetHeaderTimeout(start time.Time, limit time.Duration) {
	c.transport.setPhase(connlimit.Header, start)
	c.SetReadTimeout(start, limit)
}

// StartRequest implements engine.Conn.
func (c *fastConn) StartRequest(now time.Time) { c.transport.setPhase(connlimit.Active, now) }

// SetReadTimeout implements engine.Conn.
func (c *fastConn) SetReadTimeout(now time.Time, limit time.Duration) {
	// startDrain sets the deadline without readBy.
	if updateDeadline(&c.readBy, now, limit) || c.transport.draining.Load() {
		c.SetReadDeadline(c.readBy)
	}
}

// SetWriteTimeout implements engine.Conn.
func (c *fastConn) SetWriteTimeout(now time.Time, limit time.Duration) {
	if updateDeadline(&c.writeBy, now, limit) {
		c.SetWriteDeadline(c.writeBy)
	}
}

// updateDeadline moves a deadline to limit from now, and reports false if it is
// about there already: setting a deadline costs more than comparing, and a busy
// connection would set three for each request.
func updateDeadline(deadline *time.Time, now time.Time, limit time.Duration) bool {
	early := now.Add(limit).Sub(*deadline)
	if early >= 0 && early <= min(limit/8, time.Second) {
		return false
	}
	*deadline = now.Add(limit)
	return true
}

// WriteBoth implements engine.Conn. Below TLS, which writes each record by
// itself, the records are coalesced.
func (c *fastConn) WriteBoth(first, second []byte) error {
	write := func() error {
		_, err := (&net.Buffers{first, second}).WriteTo(c.Conn)
		return err
	}
	if c.Conn == net.Conn(c.transport) {
		return write()
	}
	return c.transport.coalesce(write)
}

// Draining implements engine.Conn.
func (c *fastConn) Draining() bool { return c.transport.server.draining.Load() }

// Linger implements engine.Conn. Closed with bytes unread, the connection would
// be reset, and the response lost on the way (RFC 9112, section 9.6). Many
// clients read no response before they have sent their whole body. CloseWrite has a
// deadline of its own for the alert of TLS.
//
// The request is no longer in progress, and its buffers are those of a header: the
// connection counts as one in that phase.
func (c *fastConn) Linger(limit time.Duration, maxBytes int64) {
	c.transport.setPhase(connlimit.Header, time.Now())
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	engine.Discard(c.transport, limit, maxBytes, c.transport.SetReadDeadline)
}

// Abort implements engine.Conn.
func (c *fastConn) Abort() { c.transport.Close() }
