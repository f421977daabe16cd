package httpserver

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/logging"

	"go.uber.org/zap"
)

// An acceptor accepts the connections of its listeners.
type acceptor struct {
	listeners []net.Listener
	log       *zap.Logger
	stopped   atomic.Bool
	// accepting is held for reading while connections of a listener are accepted.
	accepting sync.RWMutex
}

// run calls serve with the connections of all listeners, until stop. It returns
// the first error.
func (a *acceptor) run(serve func(net.Conn)) error {
	ended := make(chan error, len(a.listeners))
	for _, l := range a.listeners {
		go func() { ended <- a.accept(l, serve) }()
	}
	for range a.listeners {
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}

// accept calls serve with each connection of l before it accepts the next, so that
// stop misses none.
func (a *acceptor) accept(l net.Listener, serve func(net.Conn)) error {
	a.accepting.RLock()
	defer a.accepting.RUnlock()
	for !a.stopped.Load() {
		c, err := l.Accept()
		if err == nil {
			serve(c)
			continue
		}
		if !errors.Is(err, net.ErrClosed) {
			// Most likely the process has no file descriptors left. Clients wait in the
			// backlog of the socket.
			a.log.Warn("cannot accept a connection", logging.CannotAccept.Field(), zap.Error(err))
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !a.stopped.Load() {
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
	return nil
}

// stop returns once run has called serve with every accepted connection.
func (a *acceptor) stop() {
	a.stopped.Store(true)
	for _, l := range a.listeners {
		l.Close()
	}
	a.accepting.Lock()
	defer a.accepting.Unlock()
}
