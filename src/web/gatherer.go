package web

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gatherTime is how long the start of a response may wait for the rest of it.
const gatherTime = time.Millisecond

// A gatherer is a connection of HTTP/2 as package net/http gets it. It writes
// the header of a response together with what follows: net/http flushes a
// HEADERS frame before it has seen the body that the handler writes next, which
// makes two records and two system calls, half the cost of a small response.
type gatherer struct {
	net.Conn
	c       *conn
	terms   atomic.Pointer[terms]
	limit   time.Duration
	watcher *watcher
	begun   atomic.Int64 // requests
	idle    atomic.Bool  // without a request, as package net/http sees it
	closed  chan struct{}
	close   func()

	mu       sync.Mutex
	frames   frames // that were sent
	told     told
	answered time.Time // when the last response was sent
	wait     bool      // for more after the next Write
	pending  []byte
	timer    *time.Timer
	err      error
}

func newGatherer(c *conn, limit time.Duration) *gatherer {
	g := &gatherer{Conn: c.tls, c: c, limit: limit, closed: make(chan struct{})}
	g.close = sync.OnceFunc(func() { close(g.closed) })
	g.timer = time.AfterFunc(time.Hour, g.flush)
	g.timer.Stop()
	return g
}

// Close implements net.Conn.
func (g *gatherer) Close() error {
	defer g.close()
	return g.Conn.Close()
}

// SetDeadline implements net.Conn. Deadlines for writing are the gatherer's.
func (g *gatherer) SetDeadline(t time.Time) error { return g.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (g *gatherer) SetWriteDeadline(time.Time) error { return nil }

// expectBody says that the next Write is likely to be a header alone.
func (g *gatherer) expectBody() {
	g.mu.Lock()
	g.wait = true
	g.mu.Unlock()
}

// Write never holds back more than one Write, and never for longer than
// gatherTime.
func (g *gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	wait := g.wait && len(g.pending) == 0
	g.wait = false
	if wait {
		g.pending = append(g.pending, p...)
		g.timer.Reset(gatherTime)
		return len(p), nil
	}
	if len(g.pending) == 0 {
		return len(p), g.send(p)
	}
	g.timer.Stop()
	all := append(g.pending, p...)
	g.pending = all[:0]
	return len(p), g.send(all)
}

func (g *gatherer) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.pending) > 0 && g.err == nil {
		_ = g.send(g.pending)
		g.pending = g.pending[:0]
	}
}

func (g *gatherer) send(p []byte) error {
	if g.write(p) != nil {
		return g.err
	}
	before := g.frames.ended
	g.frames.pass(p)
	if g.frames.ended > before {
		g.answered = time.Now()
	}
	g.tell()
	return g.err
}

func (g *gatherer) write(p []byte) error {
	g.c.writeWithin(time.Now(), g.limit)
	if _, g.err = g.Conn.Write(p); g.err != nil {
		g.c.abort() // TLS would wait to say good-bye
	}
	return g.err
}
