package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/api"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// A Handler answers requests. *api.API is one.
type Handler interface {
	Serve(context.Context, *api.Request) api.Response
}

// An Engine serves the API on one listener: HTTP/1.1 and HTTP/2, as the client
// chooses by ALPN, where it has a TLS configuration, plain HTTP/1.1 where it
// has none.
//
// Package net/http does not refuse what a strict HTTP/1.1 server has to, and
// could not be made to; see the corpus of the tests. So HTTP/1.1 is fasthttp's
// parser behind a check of the header section (section, reading), in a loop
// that owns every byte and every deadline. Its HTTP/2 is strict, but takes six
// goroutine switches for a request, so HTTP/2 is the parser of x/net, which is
// the same, in a loop of that kind (session).
type Engine struct {
	listener net.Listener
	options  EngineOptions
	terms    atomic.Pointer[terms]
	slots    slots
	open     registry
	bundles  bundles
	buffers  sync.Pool // of *buffer
	sections sections
	base     context.Context
	cancel   context.CancelFunc
	draining atomic.Bool
	done     chan struct{}
}

// EngineOptions say what an Engine serves.
type EngineOptions struct {
	Handler Handler
	// TLS is nil for plain HTTP/1.1.
	TLS *tls.Config
	// Trusted is for listeners that only let in whom the kernel lets in.
	Trusted  bool
	Settings Settings
	Traffic  *metrics.Traffic
	Log      *zap.Logger
}

// NewEngine returns an Engine that Run starts.
func NewEngine(l net.Listener, o EngineOptions) *Engine {
	e := &Engine{listener: l, options: o, bundles: newBundles(), done: make(chan struct{})}
	e.buffers.New = func() any { return new(buffer) }
	e.sections.init()
	e.base, e.cancel = context.WithCancel(context.Background())
	e.slots.init()
	e.Apply(o.Settings)
	return e
}

// Addr returns the address that the Engine listens on.
func (e *Engine) Addr() net.Addr { return e.listener.Addr() }

// Apply puts other settings in force. Open connections follow with their next
// request.
func (e *Engine) Apply(s Settings) {
	if old := e.terms.Load(); old != nil && old.Settings == s {
		return
	}
	e.terms.Store(newTerms(s))
	e.slots.setLimit(s.Connections)
}

// Run accepts connections until Shutdown, and then returns nil once all of them
// have ended.
func (e *Engine) Run() error {
	for e.slots.take() {
		c, err := e.listener.Accept()
		if err == nil {
			go e.serve(c)
			continue
		}
		e.slots.free()
		if e.draining.Load() {
			break
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept on %s: %w", e.Addr(), err)
		}
		// Out of descriptors, most likely: the backlog keeps the clients.
		e.options.Log.Warn("cannot accept a connection", zap.Error(err))
		time.Sleep(100 * time.Millisecond)
	}
	<-e.done
	return nil
}

// Shutdown stops accepting, answers what is in flight with "Connection: close"
// or GOAWAY, and closes what is idle. When ctx ends it closes the rest and
// returns ctx's error.
func (e *Engine) Shutdown(ctx context.Context) error {
	defer close(e.done)
	defer e.cancel()
	e.draining.Store(true)
	e.slots.close()
	e.listener.Close()
	e.open.drain()
	select {
	case <-e.open.empty():
		return nil
	case <-ctx.Done():
		e.open.closeAll()
		return ctx.Err()
	}
}

// serve does everything for one connection.
func (e *Engine) serve(nc net.Conn) {
	defer e.slots.free()
	c := &conn{Conn: nc, bundles: e.bundles}
	if e.options.TLS != nil {
		c.below = &bundler{Conn: nc}
		c.tls = tls.Server(c.below, e.options.TLS)
		c.Conn = c.tls
	}
	if !e.open.add(c) {
		nc.Close()
		return
	}
	defer e.open.remove(c)
	defer c.Close()
	if c.tls == nil {
		e.serve1(c)
		return
	}
	if err := c.handshake(e.base, e.terms.Load().Header); err != nil {
		e.options.Traffic.Refused(handshake)
		return
	}
	if c.tls.ConnectionState().NegotiatedProtocol == "h2" {
		e.serve2(c)
		return
	}
	e.serve1(c)
}
