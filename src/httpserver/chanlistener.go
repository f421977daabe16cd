package httpserver

import (
	"net"
	"sync"
)

// A chanListener is a net.Listener for connections that an acceptor has accepted.
type chanListener struct {
	address net.Addr
	conns   chan net.Conn
	done    chan struct{}
	close   func()
}

func newChanListener(address net.Addr) *chanListener {
	l := &chanListener{address: address, conns: make(chan net.Conn), done: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.done) })
	return l
}

// deliver reports false once the listener is closed.
func (l *chanListener) deliver(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		return false
	}
}

// Accept implements net.Listener.
func (l *chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *chanListener) Close() error {
	l.close()
	return nil
}

// Addr implements net.Listener.
func (l *chanListener) Addr() net.Addr { return l.address }
