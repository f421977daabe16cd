package httpserver

import (
	"log"
	"net"
	"sync"

	"go.uber.org/zap"
)

// handoff is a net.Listener over connections that somebody else accepts.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newHandoff() *handoff {
	h := &handoff{conns: make(chan net.Conn), done: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.done) })
	return h
}

// deliver is false once the listener is closed.
func (h *handoff) deliver(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.done:
		return false
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.close()
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }

// slots bounds the open connections. The zero value must be initialised.
type slots struct {
	mu           sync.Mutex
	freed        *sync.Cond
	limit, taken int
	closed       bool
}

func (s *slots) init() { s.freed = sync.NewCond(&s.mu) }

// take waits for a slot and says whether there is one: there is none after
// close.
func (s *slots) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.taken >= s.limit && !s.closed {
		s.freed.Wait()
	}
	if s.closed {
		return false
	}
	s.taken++
	return true
}

func (s *slots) free() {
	s.change(func() { s.taken-- })
}

func (s *slots) setLimit(n int) {
	s.change(func() { s.limit = n })
}

func (s *slots) close() {
	s.change(func() { s.closed = true })
}

func (s *slots) areClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *slots) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.freed.Broadcast()
}

// slotted frees its slot when it is closed.
type slotted struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *slotted) Close() error {
	defer c.free()
	return c.Conn.Close()
}

// errorLog takes what net/http says of its clients' mistakes, such as failed
// handshakes: any client can cause them at will.
func errorLog(l *zap.Logger) *log.Logger {
	std, err := zap.NewStdLogAt(l, zap.DebugLevel)
	if err != nil {
		return zap.NewStdLog(l)
	}
	return std
}
