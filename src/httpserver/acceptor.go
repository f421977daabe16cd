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

// An acceptor accepts the connections of a listener.
type acceptor struct {
	listener net.Listener
	log      *zap.Logger
	stopped  atomic.Bool
	// accepting is held while connections are accepted.
	accepting sync.Mutex
}

func newAcceptor(l net.Listener, log *zap.Logger) *acceptor {
	return &acceptor{listener: l, log: log}
}

// run calls serve with each connection before it accepts the next, until stop,
// which therefore misses none.
func (a *acceptor) run(serve func(net.Conn)) error {
	a.accepting.Lock()
	defer a.accepting.Unlock()
	for !a.stopped.Load() {
		c, err := a.listener.Accept()
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
			return fmt.Errorf("accept on %s: %w", a.listener.Addr(), err)
		}
	}
	return nil
}

// stop returns once run has called serve with every accepted connection.
func (a *acceptor) stop() {
	a.stopped.Store(true)
	a.listener.Close()
	a.accepting.Lock()
	defer a.accepting.Unlock()
}
