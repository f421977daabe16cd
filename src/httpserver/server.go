package httpserver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/connlimit"
	"foobar/src/credentials"
	"foobar/src/engine"
	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// Options say what a Server serves.
type Options struct {
	// Handler answers the requests that net/http reads.
	Handler http.Handler
	// FastPath returns the engine for HTTP/1.1. Without it, net/http serves
	// HTTP/1.1 too.
	FastPath func(engine.Observer, engine.Settings) engine.Engine
	// TLS is nil for plain HTTP/1.1.
	TLS *TLSOptions
	// Trusted is for a listener whose clients the kernel has authorized, such as
	// the admin socket.
	Trusted  bool
	Settings Settings
	// MaxConnections, if it is not 0, replaces the limits of connections and requests
	// in Settings.
	MaxConnections int
	// Metrics counts connections and requests.
	Metrics *metrics.ListenerMetrics
	Log     *zap.Logger
	// AccessLog takes the access log, whatever the level of Log. Without it there
	// are neither an access log nor request IDs.
	AccessLog *zap.Logger
}

// Settings are what can change while a Server runs.
type Settings struct {
	engine.Settings // Header is also for the TLS handshake
	Connections     int
	PerAddress      int // connections of one client address, 0 for any number
	Requests        int // in progress, 0 for any number
	// MaxBody is the largest body, in bytes, that Options.Handler can read. Reading
	// further is a *http.MaxBytesError, and an error status that the handler answers
	// then becomes 413. It is 0 for a handler that limits bodies itself.
	MaxBody   int64
	AccessLog bool
	// Protocols are those that new TLS connections are offered by ALPN, the
	// preferred one first: "http/1.1" and "h2".
	Protocols []string
	// FastPath has new connections of HTTP/1.1 served by Options.FastPath.
	FastPath bool
	// ClientCertificates is what TLSOptions.ClientCAs asks of clients. HTTP/2
	// clients have to reconnect to be asked for a certificate.
	ClientCertificates tls.ClientAuthType
}

// A Server serves the connections of its listeners.
type Server struct {
	options    Options
	observer   *observer
	acceptor   *listen.Acceptor
	conns      connlimit.Set
	quotas     quotas
	handshakes sync.WaitGroup  // connections that no engine has yet
	buffers    chan []byte     // for coalescingConns connections, nil until first used
	fast       engine.Engine   // nil without Options.FastPath
	tls        *tls.Config     // nil without Options.TLS
	tickets    *tls.Config     // has the keys of SetTicketKeys
	context    context.Context // ends with Shutdown
	cancel     context.CancelFunc
	draining   atomic.Bool

	mu       sync.Mutex // held while settings and nethttp are replaced
	settings atomic.Pointer[Settings]
	nethttp  atomic.Pointer[netHTTP]
}

// New returns a Server that Run starts.
func New(listeners []net.Listener, o Options) *Server {
	s := &Server{options: o, acceptor: &listen.Acceptor{Listeners: listeners}, buffers: make(chan []byte, coalescingConns)}
	s.acceptor.Failed = func(err error) {
		// Most likely the process has no file descriptors left.
		o.Log.Warn("cannot accept a connection", logging.CannotAccept.Field(), zap.Error(err))
	}
	for range coalescingConns {
		s.buffers <- nil
	}
	s.context, s.cancel = context.WithCancel(context.Background())
	s.quotas = newQuotas(&s.conns)
	s.observer = &observer{requests: s.quotas.requests, metrics: o.Metrics, log: o.Log, access: o.AccessLog, settings: &s.settings}
	if o.FastPath != nil {
		s.fast = o.FastPath(s.observer, o.Settings.Settings)
	}
	if o.TLS != nil {
		s.tls, s.tickets = newTLSConfig(*o.TLS, func() []string { return s.settings.Load().Protocols })
	}
	s.Apply(o.Settings)
	return s
}

// Connections returns how many connections are open.
func (s *Server) Connections() int { return len(s.conns.All()) }

// Apply puts other settings in force. They apply to the next request on a
// connection of the fast path. net/http cannot change the settings of a running
// server: its connections are closed after their next response, and those of
// HTTP/2 get GOAWAY.
func (s *Server) Apply(settings Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.MaxConnections; limit > 0 {
		settings.Connections, settings.PerAddress, settings.Requests = limit, 0, limit
	}
	old := s.settings.Swap(&settings)
	s.conns.SetLimits(settings.Connections, settings.PerAddress)
	s.quotas.setLimits(settings)
	if s.fast != nil {
		s.fast.Apply(settings.Settings)
	}
	if old != nil && old.Settings == settings.Settings && old.ClientCertificates == settings.ClientCertificates {
		return // one http.Server can serve under both
	}
	if n := s.nethttp.Swap(newNetHTTP(s, settings)); n != nil {
		n.retired.Store(true)
		go n.close()
	}
}

// SetTicketKeys replaces the keys of session tickets of TLS 1.3, as
// tls.Config.SetSessionTicketKeys takes them. Sessions can be resumed at all servers
// with the same keys, but those of clients that are asked for a certificate.
func (s *Server) SetTicketKeys(keys [][32]byte) {
	if s.tickets != nil && len(keys) > 0 {
		s.tickets.SetSessionTicketKeys(keys)
	}
}

// Run accepts connections until Shutdown, and then returns nil once all of them
// have ended.
func (s *Server) Run() error {
	if err := s.acceptor.Run(s.start); err != nil {
		return err
	}
	<-s.context.Done()
	return nil
}

// start serves a connection, unless the limits refuse it.
func (s *Server) start(nc net.Conn) {
	c := newConn(s, nc)
	evicted, refusal := s.conns.Add(c)
	s.observer.evict(evicted)
	if refusal != "" {
		s.observer.refused(refusal, errConnectionLimit, nc.RemoteAddr())
		nc.Close()
		return
	}
	s.handshakes.Add(1)
	go s.serve(c)
}

// serve performs the TLS handshake and gives the connection to the engine that
// the client has chosen by ALPN. A panic ends this connection alone.
func (s *Server) serve(c *conn) {
	defer func() {
		if p := recover(); p != nil {
			s.observer.connPanicked(p)
			c.Close()
		}
	}()
	f, err := s.handOver(c)
	if err != nil {
		s.observer.refused(reasonHandshake, err, c.RemoteAddr())
		c.endHandshake(err, s.settings.Load())
	}
	if f != nil {
		defer f.Close()
		s.fast.ServeConn(s.context, f, c.client)
	}
}

// handOver performs the handshake. It gives the connection to net/http, or returns it
// for Options.FastPath. The frame of this function, which crypto/tls makes large, is not
// on the stack of an idle connection.
func (s *Server) handOver(c *conn) (*fastConn, error) {
	defer s.handshakes.Done()
	top, protocol := net.Conn(c), ""
	if s.tls != nil {
		conn := tls.Server(c, s.tls)
		if err := c.handshake(conn); err != nil {
			return nil, err
		}
		state := conn.ConnectionState()
		c.client.Peer = credentials.NewPeer(state.PeerCertificates)
		top, protocol = conn, state.NegotiatedProtocol
	}
	if protocol != http2Protocol && s.fast != nil && s.settings.Load().FastPath {
		return &fastConn{Conn: top, transport: c}, nil
	}
	s.serveNetHTTP(c, top, protocol)
	return nil, nil
}

// serveNetHTTP hands a connection to net/http, which sets the deadlines from now on.
// The settings may change meanwhile, and the http.Server with them.
func (s *Server) serveNetHTTP(c *conn, top net.Conn, protocol string) {
	if protocol == http2Protocol {
		c.http2.Store(true)
		c.count(s.quotas.large, &c.large, true) // until Close
	} else if t, ok := top.(*tls.Conn); ok {
		top = tlsConn{t}
	}
	c.SetDeadline(time.Time{})
	c.setPhase(connlimit.Idle, time.Now())
	for n := (*netHTTP)(nil); n != s.nethttp.Load(); {
		if n = s.nethttp.Load(); n.deliver(top, protocol) {
			return
		}
	}
	c.Close() // the http.Server in force is closed for good
}
