package httpserver

import (
	"os"
	"time"
)

// What follows is for connections of HTTP/2, which have more to wait for than
// what their clients send.

// wakes has the ends of a connection, and what else there is to tell it, end
// each doze from now on.
func (c *conn) wakes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeful = true
}

// doze reads what comes next, until limit at most, or until somebody wakes it:
// it ends with os.ErrDeadlineExceeded then.
func (c *conn) doze(b []byte, limit time.Duration) (int, error) {
	c.mu.Lock()
	if c.woken {
		c.woken = false
		c.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	c.waiting = true
	c.readWithin(time.Now(), limit)
	c.mu.Unlock()
	n, err := c.Read(b)
	c.mu.Lock()
	c.waiting, c.woken = false, false
	c.mu.Unlock()
	return n, err
}

// wake ends the doze that there is, or the next.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wakeful {
		c.interrupt()
	}
}

func (c *conn) interrupt() {
	c.woken = true
	if c.waiting {
		c.readBy = time.Now()
		c.SetReadDeadline(c.readBy)
	}
}

// replace tells a client to come back over a new connection.
func (c *conn) replace() {
	c.mu.Lock()
	c.replaced = true
	c.mu.Unlock()
	c.wake()
}

// plans are what the connection is to do: come back, or end.
func (c *conn) plans() (replaced, ending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replaced, c.ending
}
