// Package http1 is the fast path for HTTP/1.1, RFC 9112: one loop that reads,
// parses, answers and writes on the goroutine of its connection, for handlers
// that need no more than package api's types. Its Server is an engine.Engine.
//
// It is stricter than net/http: what recipients are known to read in different
// ways is refused, so that nothing can be smuggled past a proxy. It accepts no
// connections, knows no TLS and keeps no metrics; package httpserver provides the
// connections, and counts and logs the requests.
//
// Read server.go first, then request.go: readHeader, parse, serveRequest.
package http1

import (
	"bufio"
	"context"
	"sync"
	"sync/atomic"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/request"
)

// A Server is an engine.Engine.
type Server struct {
	handler  api.Service
	observer engine.Observer
	live     atomic.Pointer[liveSettings]
}

// liveSettings holds the settings in force and the buffers of their size.
type liveSettings struct {
	engine.Settings
	buffers sync.Pool // of *requestBuffers
}

// New returns a Server that answers by h and reports to o.
func New(h api.Service, o engine.Observer, s engine.Settings) *Server {
	srv := &Server{handler: h, observer: o}
	srv.Apply(s)
	return srv
}

// Apply implements engine.Engine.
func (s *Server) Apply(settings engine.Settings) {
	if old := s.live.Load(); old != nil && old.Settings == settings {
		return
	}
	live := &liveSettings{Settings: settings}
	live.buffers.New = func() any { return &requestBuffers{in: bufio.NewReaderSize(nil, settings.MaxHeader)} }
	s.live.Store(live)
}

// ServeConn implements engine.Engine.
func (s *Server) ServeConn(ctx context.Context, c engine.Conn, client request.Client) {
	var live *liveSettings
	var b *requestBuffers
	read := func() error {
		live = s.live.Load()
		b = live.buffers.Get().(*requestBuffers)
		b.in.Reset(c)
		_, err := b.in.Peek(1)
		if err != nil {
			b.release(live)
		}
		return err
	}
	limit := s.live.Load().Header
	more, skipped := true, false // skipped: an empty line, and no request since
	for more && c.ReadFirst(read, limit) == nil {
		for more && b.in.Buffered() > 0 {
			if skipped = !skipped && b.skipEmptyLine(live, c); !skipped {
				more = s.serveRequest(ctx, live, c, b, client)
			}
		}
		b.release(live)
		limit = live.Idle
	}
}
