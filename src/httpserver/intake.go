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

// An intake accepts the connections of a listener, as many at a time as there
// are slots for.
type intake struct {
	listener net.Listener
	log      *zap.Logger
	slots    slots
	// accepting is held while connections are.
	accepting sync.Mutex
}

func newIntake(l net.Listener, log *zap.Logger) *intake {
	i := &intake{listener: l, log: log}
	i.slots.init()
	return i
}

// run hands each connection over before it accepts the next, so that none is
// overlooked in the end, until stop. Who takes one frees its slot.
func (i *intake) run(take func(net.Conn)) error {
	i.accepting.Lock()
	defer i.accepting.Unlock()
	for i.slots.take() {
		c, err := i.listener.Accept()
		if err == nil {
			take(c)
			continue
		}
		i.slots.free()
		if !errors.Is(err, net.ErrClosed) {
			// Out of descriptors, most likely: the backlog keeps the clients.
			i.log.Warn("cannot accept a connection", logging.CannotAccept.Field(), zap.Error(err))
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !i.slots.areClosed() {
			return fmt.Errorf("accept on %s: %w", i.listener.Addr(), err)
		}
	}
	return nil
}

// stop returns once every connection that was accepted is handed over.
func (i *intake) stop() {
	i.slots.close()
	i.listener.Close()
	i.accepting.Lock()
	defer i.accepting.Unlock()
}
