package httpserver

import (
	"net"
	"sync"
)

// A chanListener is a net.Listener for connections that an acceptor has accepted.
type chanListener struct {
	net.Listener // for its address
	conns        chan net.Conn
	done         chan struct{}
	close        func()
}

func newChanListener(l net.Listener) *chanListener {
	c := &chanListener{Listener: l, conns: make(chan net.Conn), done: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.done) })
	return c
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
