package httpserver

import (
	"io"
	"net"
	"time"
)

// A fastConn is a connection that package http1 serves, and its deadlines. It
// implements http1.Conn.
type fastConn struct {
	net.Conn              // TLS, or the same as below
	below           *conn // what carries it
	readBy, writeBy time.Time
}

// ReadFirst implements http1.Conn.
func (c *fastConn) ReadFirst(b []byte, limit time.Duration) (int, error) {
	now := time.Now()
	c.below.setIdle(now)
	c.SetReadTimeout(now, limit)
	n, err := c.Read(b)
	c.below.setActive()
	return n, err
}

// SetReadTimeout implements http1.Conn.
func (c *fastConn) SetReadTimeout(now time.Time, limit time.Duration) {
	// startDrain sets the deadline without readBy.
	if updateDeadline(&c.readBy, now, limit) || c.below.draining.Load() {
		c.SetReadDeadline(c.readBy)
	}
}

// SetWriteTimeout implements http1.Conn.
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

// WriteBoth implements http1.Conn. Below TLS, which writes each record by
// itself, the records are coalesced.
func (c *fastConn) WriteBoth(first, second []byte) error {
	write := func() error {
		if _, err := c.Write(first); err != nil {
			return err
		}
		_, err := c.Write(second)
		return err
	}
	if c.Conn == net.Conn(c.below) {
		return write()
	}
	return c.below.coalesce(write)
}

// Draining implements http1.Conn.
func (c *fastConn) Draining() bool { return c.below.server.draining.Load() }

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// Linger implements http1.Conn. If the connection were closed with bytes unread,
// it would be reset, and the client might lose the response (RFC 9112, section
// 9.6).
func (c *fastConn) Linger() {
	c.SetDeadline(time.Now().Add(lingerTime))
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.below, lingerBytes)
}

// Abort implements http1.Conn.
func (c *fastConn) Abort() { c.below.Close() }
