package listen

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A lateListener returns a connection from an Accept that waits when it is closed.
type lateListener struct {
	waits, closed chan struct{}
	close         func()
}

func (l *lateListener) Accept() (net.Conn, error) {
	close(l.waits)
	<-l.closed
	time.Sleep(50 * time.Millisecond)
	_, c := net.Pipe()
	return c, nil
}

func (l *lateListener) Close() error { l.close(); return nil }

func (l *lateListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestStopWaitsForWhatWasAccepted closes a listener while it accepts a connection. stop
// returns after the connection was served, so that a shutdown finds it among the open ones.
func TestStopWaitsForWhatWasAccepted(t *testing.T) {
	l := &lateListener{waits: make(chan struct{}), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	i := &Acceptor{Listeners: []net.Listener{l}}
	var taken atomic.Bool
	ended := make(chan error, 1)
	go func() { ended <- i.Run(func(c net.Conn) { c.Close(); taken.Store(true) }) }()
	<-l.waits
	i.Stop()
	if !taken.Load() {
		t.Error("a connection that was accepted is overlooked")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
