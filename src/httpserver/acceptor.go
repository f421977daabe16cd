package httpserver

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"foobar/src/logging"

	"go.uber.org/zap"
)

// An acceptor accepts the connections of a listener, as many at a time as its
// limiter allows.
type acceptor struct {
	listener net.Listener
	log      *zap.Logger
	limiter  connLimiter
	// accepting is locked while run accepts connections.
	accepting sync.Mutex
}

func newAcceptor(l net.Listener, log *zap.Logger) *acceptor {
	a := &acceptor{listener: l, log: log}
	a.limiter.init()
	return a
}

// run calls serve with each connection before it accepts the next, until stop,
// which therefore misses none. Whoever gets a connection calls limiter.release
// when it is closed.
func (a *acceptor) run(serve func(net.Conn)) error {
	a.accepting.Lock()
	defer a.accepting.Unlock()
	for a.limiter.acquire() {
		c, err := a.listener.Accept()
		if err == nil {
			serve(c)
			continue
		}
		a.limiter.release()
		if !errors.Is(err, net.ErrClosed) {
			// Most likely the process has no file descriptors left. Clients wait in the
			// backlog of the socket.
			a.log.Warn("cannot accept a connection", logging.CannotAccept.Field(), zap.Error(err))
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !a.limiter.isClosed() {
			return fmt.Errorf("accept on %s: %w", a.listener.Addr(), err)
		}
	}
	return nil
}

// stop returns once run has called serve with every accepted connection.
func (a *acceptor) stop() {
	a.limiter.close()
	a.listener.Close()
	a.accepting.Lock()
	defer a.accepting.Unlock()
}
