package httpserver

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"foobar/src/credentials"
)

// A conn is an open connection and its deadlines.
type conn struct {
	net.Conn
	tls             *tls.Conn // the same, nil where it is not encrypted
	below           *bundler  // what carries tls
	bundles         bundles
	since           time.Time
	peer            *credentials.Peer // nil without a client certificate
	readBy, writeBy time.Time         // the deadlines in force

	mu       sync.Mutex
	waiting  bool // for a handshake or a request
	served   bool // at least one request
	ending   bool // closed once it is idle
	replaced bool // told to come back, where it is HTTP/2
	wakeful  bool // serves HTTP/2
	woken    bool // since it dozed last
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
	now := time.Now()
	c.mu.Lock()
	c.waiting = true
	switch {
	case c.ending && c.served:
		limit = min(limit, leaving) // its answer was not yet the last one
	case c.ending:
		limit = min(limit, c.grace(now))
	}
	c.readWithin(now, limit)
	c.mu.Unlock()
	err := read()
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	return err
}

// end lets a connection end that is not in the middle of a request. What its
// client has sent is answered.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
	if c.below != nil {
		c.below.ending.Store(true)
	}
	switch now := time.Now(); {
	case c.wakeful:
		c.interrupt()
	case c.waiting:
		c.readWithin(now, c.grace(now))
	}
}

// grace is how long to wait yet for the request of a connection that is ending.
func (c *conn) grace(now time.Time) time.Duration {
	if c.served {
		return 0
	}
	return max(0, c.since.Add(arriving).Sub(now))
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
	mu    sync.Mutex
	conns map[*conn]struct{}
	gone  chan struct{}
}

func (r *registry) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		r.conns = map[*conn]struct{}{}
	}
	r.conns[c] = struct{}{}
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

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// each calls f for every connection. It must not wait.
func (r *registry) each(f func(*conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		f(c)
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
