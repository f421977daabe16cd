package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/connlimit"

	"go.uber.org/zap"
)

const (
	// maxStreams bounds the requests of one HTTP/2 connection at a time. RFC 9113,
	// section 6.5.2, recommends 100 for pages of many resources. Here there is one, and
	// a stream with a response that its client does not read keeps 14 KiB.
	maxStreams = 32
	// uncounted is how many responses of an HTTP/2 connection may wait for its client
	// and count for no limit: waiting for each costs a further frame.
	uncounted = 4
	// maxFrame is the smallest size that RFC 9113, section 4.2, allows: a larger
	// one would be kept as a buffer by each connection.
	maxFrame = 16 << 10
	// uploadWindow is how many bytes of bodies an HTTP/2 connection may send that
	// no handler has read: what it can make the server keep.
	uploadWindow = 1 << 20
)

// A netHTTP serves connections by net/http under one set of settings. HTTP/1.1
// and HTTP/2 have an http.Server each, because http.Server.Shutdown drops the
// requests of HTTP/1.1 that it is reading. HTTP/2 needs Shutdown for its GOAWAY.
type netHTTP struct {
	server   *Server
	settings Settings
	retired  atomic.Bool // other settings are in force: clients are asked to reconnect

	http1, http2 protocolServer
}

// A protocolServer is an http.Server and the connections that it accepts.
type protocolServer struct {
	http.Server
	conns *chanListener
}

func newNetHTTP(s *Server, settings Settings) *netHTTP {
	n := &netHTTP{server: s, settings: settings}
	n.http1.ReadHeaderTimeout = settings.Header
	n.http1.ReadTimeout = settings.Header + settings.Body
	n.http1.WriteTimeout = settings.Header + settings.Body + settings.Response
	n.http2.ReadTimeout = settings.Body // of one stream
	n.http2.WriteTimeout = settings.Body + settings.Response
	n.http2.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
		MaxReceiveBufferPerConnection: uploadWindow, MaxReceiveBufferPerStream: uploadWindow,
		CountError: func(name string) { s.observer.refused(reasonProtocol, errors.New("HTTP/2: "+name), nil) },
	}
	for _, p := range []*protocolServer{&n.http1, &n.http2} {
		p.Handler = n
		p.IdleTimeout = settings.Idle
		p.MaxHeaderBytes = settings.MaxHeader
		p.ConnState = connState
		p.ConnContext = connContext
		p.BaseContext = func(net.Listener) context.Context { return s.context }
		p.ErrorLog = log.New(netHTTPLog{s.observer}, "", 0)
		p.DisableGeneralOptionsHandler = true
		p.Protocols = new(http.Protocols)
		p.conns = newChanListener(s.acceptor.Listeners[0])
	}
	n.http1.Protocols.SetHTTP1(true)
	n.http2.Protocols.SetHTTP2(true)
	go n.http1.serve(s.options.Log)
	go n.http2.serve(s.options.Log)
	return n
}

func (p *protocolServer) serve(log *zap.Logger) {
	if err := p.Serve(p.conns); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		log.Error("net/http has stopped serving", zap.Error(err))
	}
}

// deliver hands over a connection. It reports false once n is closed.
func (n *netHTTP) deliver(c net.Conn, protocol string) bool {
	if protocol == http2Protocol {
		return n.http2.conns.deliver(c)
	}
	return n.http1.conns.deliver(c)
}

// close closes n for new connections. It sends GOAWAY on each connection of HTTP/2 and
// returns once all of these are closed. It calls Shutdown several times, because one
// call misses connections that net/http has accepted and does not serve yet.
func (n *netHTTP) close() {
	n.http1.conns.Close()
	for n.server.context.Err() == nil {
		attempt, cancel := context.WithTimeout(n.server.context, 100*time.Millisecond)
		err := n.http2.Shutdown(attempt)
		cancel()
		if err == nil {
			return
		}
	}
}

// mustReconnect reports whether a response has "Connection: close", for which
// net/http sends GOAWAY in HTTP/2. GOAWAY refuses the requests that are on their
// way. So that a request is refused twice at most, an HTTP/2 connection that was
// accepted after the drain began gets GOAWAY at the end of the drain alone.
func (n *netHTTP) mustReconnect(r *http.Request) bool {
	c := r.Context().Value(connKey{}).(*conn)
	return n.retired.Load() || n.server.draining.Load() && (r.ProtoMajor == 1 || c.announced.Load())
}

// transportOf returns the connection that carries the one that net/http serves.
func transportOf(c net.Conn) *conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	return c.(*conn)
}

// A tlsConn is a connection over TLS that net/http serves by HTTP/1.1. The first bytes of
// a header may arrive with the last ones of the handshake, before transportOf(c) is idle.
type tlsConn struct{ *tls.Conn }

// Read implements net.Conn.
func (c tlsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		transportOf(c).startHeader()
	}
	return n, err
}

// connKey is the key of the *conn in the contexts of its requests.
type connKey struct{}

func connContext(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, transportOf(nc))
}

func connState(nc net.Conn, state http.ConnState) {
	c := transportOf(nc)
	switch {
	case state == http.StateIdle:
		c.requests.Store(0)
		c.setPhase(connlimit.Idle, time.Now())
	case state == http.StateActive && c.http2.Load():
		c.setPhase(connlimit.Active, time.Now())
	}
}

// A chanListener is a net.Listener for connections that an acceptor has accepted.
type chanListener struct {
	net.Listener // for its address
	conns        chan net.Conn
	done         chan struct{}
	once         sync.Once // closes done
}

func newChanListener(l net.Listener) *chanListener {
	return &chanListener{Listener: l, conns: make(chan net.Conn), done: make(chan struct{})}
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
	l.once.Do(func() { close(l.done) })
	return nil
}
