package http1

import (
	"bufio"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/api"
)

// Settings bound what a client can hold and for how long.
type Settings struct {
	// Header is for a request's header section, Body for its body, Response for
	// the response, Idle for the time between two requests.
	Header, Body, Response, Idle time.Duration
	MaxHeader                    int // bytes
	// MaxDiscard is how many bytes of a body that no handler reads are discarded,
	// so that the client reads the response.
	MaxDiscard int64
}

// A Server serves connections. Its methods may be called by many goroutines.
type Server struct {
	handler  api.Service
	observer Observer
	live     atomic.Pointer[liveSettings]
}

// liveSettings holds the settings in force and the buffers of their size.
type liveSettings struct {
	Settings
	buffers sync.Pool // of *requestBuffers
}

// New returns a Server that answers by h and reports to o.
func New(h api.Service, o Observer, s Settings) *Server {
	srv := &Server{handler: h, observer: o}
	srv.Apply(s)
	return srv
}

// Apply puts other settings in force. Open connections follow with their next
// request.
func (s *Server) Apply(settings Settings) {
	if old := s.live.Load(); old != nil && old.Settings == settings {
		return
	}
	live := &liveSettings{Settings: settings}
	live.buffers.New = func() any {
		return &requestBuffers{in: bufio.NewReaderSize(nil, settings.MaxHeader)}
	}
	s.live.Store(live)
}

// firstRead is how much of a request an idle connection has room for, in
// bytes: most of those without a body.
const firstRead = 512

// ServeConn serves requests until the connection ends. It does not close c.
func (s *Server) ServeConn(ctx context.Context, c Conn, client api.Client) {
	first := make([]byte, firstRead)
	limit := s.live.Load().Header
	skipped := false // an empty line, and no request since
	for {
		n, _ := c.ReadFirst(first, limit)
		if n == 0 {
			return
		}
		live := s.live.Load()
		b := live.buffers.Get().(*requestBuffers)
		b.prefix = prefixReader{first[:n], c}
		b.in.Reset(&b.prefix)
		more := true
		for more && len(b.prefix.head)+b.in.Buffered() > 0 {
			if skipped = !skipped && b.skipEmptyLine(); !skipped {
				more = s.serveRequest(ctx, live, c, b, client)
			}
		}
		b.release(live)
		if !more {
			return
		}
		limit = live.Idle
	}
}
