package listen

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An Acceptor accepts the connections of its listeners.
type Acceptor struct {
	Listeners []net.Listener
	Failed    func(error) // is called when a connection cannot be accepted
	stopped   atomic.Bool
	// accepting is held for reading while connections of a listener are accepted.
	accepting sync.RWMutex
}

// Run calls serve with the connections of all listeners, until Stop. It returns
// the first error.
func (a *Acceptor) Run(serve func(net.Conn)) error {
	ended := make(chan error, len(a.Listeners))
	for _, l := range a.Listeners {
		go func() { ended <- a.accept(l, serve) }()
	}
	for range a.Listeners {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// accept calls serve with each connection of l before it accepts the next, so that
// Stop misses none.
func (a *Acceptor) accept(l net.Listener, serve func(net.Conn)) error {
	a.accepting.RLock()
	defer a.accepting.RUnlock()
	for !a.stopped.Load() {
		switch c, err := l.Accept(); {
		case err == nil:
			serve(c)
		case !errors.Is(err, net.ErrClosed):
			a.Failed(err) // clients wait in the backlog of the socket
			time.Sleep(100 * time.Millisecond)
		case !a.stopped.Load():
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
	return nil
}

// Stop returns once Run has called serve with every accepted connection.
func (a *Acceptor) Stop() {
	a.stopped.Store(true)
	for _, l := range a.Listeners {
		l.Close()
	}
	a.accepting.Lock()
	defer a.accepting.Unlock()
}
