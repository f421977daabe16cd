package httpserver

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/api"
	"foobar/src/credentials"
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
	intake   *intake
	options  EngineOptions
	terms    atomic.Pointer[terms]
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
	Traffic  *metrics.ListenerMetrics
	Log      *zap.Logger
	// Access takes the access log, whatever the level of Log.
	Access *zap.Logger
}

// NewEngine returns an Engine that Run starts.
func NewEngine(l net.Listener, o EngineOptions) *Engine {
	e := &Engine{intake: newIntake(l, o.Log), options: o, bundles: newBundles(), done: make(chan struct{})}
	e.buffers.New = func() any { return new(buffer) }
	e.sections.init()
	e.base, e.cancel = context.WithCancel(context.Background())
	e.Apply(o.Settings)
	return e
}

// Addr returns the address that the Engine listens on.
func (e *Engine) Addr() net.Addr { return e.intake.listener.Addr() }

// Connections returns how many connections are open.
func (e *Engine) Connections() int { return e.open.count() }

// Apply puts other settings in force. Open connections follow with their next
// request; the clients of HTTP/2 are told to come back where that is the only
// way to be asked for a certificate.
func (e *Engine) Apply(s Settings) {
	old := e.terms.Load()
	if old != nil && old.Settings == s {
		return
	}
	e.terms.Store(newTerms(s))
	e.intake.slots.setLimit(s.Connections)
	if old != nil && old.Clients != s.Clients {
		e.open.each((*conn).replace)
	}
}

// Run accepts connections until Shutdown, and then returns nil once all of them
// have ended.
func (e *Engine) Run() error {
	if err := e.intake.run(func(c net.Conn) { go e.serve(e.register(c)) }); err != nil {
		return err
	}
	<-e.done
	return nil
}

func (e *Engine) register(nc net.Conn) *conn {
	c := &conn{Conn: nc, bundles: e.bundles, since: time.Now()}
	if e.options.TLS != nil {
		c.below = &bundler{Conn: nc}
		c.tls = tls.Server(c.below, e.options.TLS)
		c.Conn = c.tls
	}
	e.open.add(c)
	return c
}

// serve does everything for one connection.
func (e *Engine) serve(c *conn) {
	defer e.intake.slots.free()
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
	agreed := c.tls.ConnectionState()
	c.peer = credentials.NewPeer(agreed.PeerCertificates)
	if agreed.NegotiatedProtocol == "h2" {
		e.serve2(c)
		return
	}
	e.serve1(c)
}
