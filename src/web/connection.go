package web

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"
)

// A conn is an open connection and its deadlines.
type conn struct {
	net.Conn
	tls             *tls.Conn // the same, nil where it is not encrypted
	below           *bundler  // what carries tls
	bundles         bundles
	readBy, writeBy time.Time // the deadlines in force

	mu       sync.Mutex
	waiting  bool // for a handshake or a request
	served   bool // at least one request
	draining bool
	wakeful  bool // drain and wake end a wait
	woken    bool // there was a wake since the last wait
}

// handshake lets the client agree on TLS, until limit at most.
func (c *conn) handshake(ctx context.Context, limit time.Duration) error {
	c.writeWithin(time.Now(), limit)
	return c.wait(limit, func() error { return c.tls.HandshakeContext(ctx) })
}

// await waits for the start of a request, until limit at most.
func (c *conn) await(b []byte, limit time.Duration) (n int, err error) {
	err = c.wait(limit, func() error {
		n, err = c.Read(b)
		return err
	})
	c.mu.Lock()
	c.served = true
	c.mu.Unlock()
	return n, err
}

func (c *conn) wait(limit time.Duration, read func() error) error {
	c.mu.Lock()
	c.waiting = true
	if c.draining {
		limit = c.grace(limit)
	}
	c.readWithin(time.Now(), limit)
	c.mu.Unlock()
	err := read()
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	return err
}

// drain lets a connection end that is not in the middle of a request. What its
// client sent before it could know is answered.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	switch {
	case c.wakeful:
		c.interrupt()
	case c.waiting:
		c.readWithin(time.Now(), c.grace(arriving))
	}
}

func (c *conn) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// wakes has drain end each doze at once, from now on.
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
	c.interrupt()
}

func (c *conn) interrupt() {
	c.woken = true
	if c.waiting {
		c.readBy = time.Now()
		c.SetReadDeadline(c.readBy)
	}
}

func (c *conn) grace(limit time.Duration) time.Duration {
	if c.served {
		return min(limit, leaving)
	}
	return min(limit, arriving)
}

func (c *conn) readWithin(now time.Time, limit time.Duration) {
	if move(&c.readBy, now, limit) {
		c.SetReadDeadline(c.readBy)
	}
}

func (c *conn) writeWithin(now time.Time, limit time.Duration) {
	if move(&c.writeBy, now, limit) {
		c.SetWriteDeadline(c.writeBy)
	}
}

// move puts a deadline where it belongs, limit from now, unless it is about
// there: setting one costs more than a look, and busy connections would set
// three for each request.
func move(deadline *time.Time, now time.Time, limit time.Duration) bool {
	early := now.Add(limit).Sub(*deadline)
	if early >= 0 && early <= min(limit/8, time.Second) {
		return false
	}
	*deadline = now.Add(limit)
	return true
}

// A registry knows the open connections. The zero value is ready.
type registry struct {
	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining bool
	gone     chan struct{}
}

// add is false once connections are to end.
func (r *registry) add(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	if r.conns == nil {
		r.conns = map[*conn]struct{}{}
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *registry) remove(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	if len(r.conns) == 0 && r.gone != nil {
		close(r.gone)
		r.gone = nil
	}
}

func (r *registry) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	for c := range r.conns {
		c.drain()
	}
}

func (r *registry) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.abort()
	}
}

// empty is closed once no connection is open.
func (r *registry) empty() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := make(chan struct{})
	if len(r.conns) == 0 {
		close(gone)
		return gone
	}
	r.gone = gone
	return gone
}
