// Package web serves listeners: TLS, timeouts, limits, a change of both while
// it runs, and an end that cuts no request.
package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Settings bound what a client can hold and for how long.
type Settings struct {
	// Header is for the TLS handshake, and again for a request's header; Body
	// for its body, Response for the answer, Idle for the time between requests.
	Header, Body, Response, Idle time.Duration
	MaxHeader                    int // bytes
	Connections                  int
	AccessLog                    bool // of an Engine
	// Clients is what TLSConfig follows; HTTP/2 clients come back to be asked.
	Clients ClientCertificates
}

// Options says what a Server serves.
type Options struct {
	Handler http.Handler
	// TLS is nil for plain HTTP.
	TLS      *tls.Config
	Settings Settings
	Log      *zap.Logger
}

// A Server serves one listener. Changed settings hold for new connections; the
// open ones are asked to leave after their next answer.
type Server struct {
	intake  *intake
	options Options
	done    chan struct{}

	mu          sync.Mutex
	generations []*generation // the last takes new connections
}

// NewServer returns a Server that Run starts.
func NewServer(l net.Listener, o Options) *Server {
	s := &Server{intake: newIntake(l, o.Log), options: o, done: make(chan struct{})}
	s.Apply(o.Settings)
	return s
}

// Addr returns the address that the Server listens on.
func (s *Server) Addr() net.Addr { return s.intake.listener.Addr() }

// Apply puts other settings in force.
func (s *Server) Apply(settings Settings) {
	s.intake.slots.setLimit(settings.Connections)
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.generations) - 1; last >= 0 {
		if s.generations[last].settings == settings {
			return
		}
		s.generations[last].retire()
		s.generations[last].conns.Close()
	}
	kept := s.generations[:0]
	for _, g := range s.generations {
		if g.open() > 0 {
			kept = append(kept, g)
		}
	}
	s.generations = append(kept, newGeneration(s.options, settings))
}

// Run accepts connections until Shutdown, and then returns nil once all of them
// have ended.
func (s *Server) Run() error {
	if err := s.intake.run(s.hand); err != nil {
		return err
	}
	<-s.done
	return nil
}

func (s *Server) hand(conn net.Conn) {
	c := &slotted{Conn: conn, free: sync.OnceFunc(s.intake.slots.free)}
	s.mu.Lock() // not between the choice and the hand-over may it be retired
	defer s.mu.Unlock()
	if !s.generations[len(s.generations)-1].conns.deliver(c) {
		c.Close()
	}
}

// Shutdown tells clients to go while it goes on serving for a moment. Then it
// stops accepting, answers what is in flight and closes what is idle. When ctx
// ends it closes the rest and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	defer close(s.done)
	generations := s.retire()
	wait(ctx, notice(ctx), func() bool {
		return !slices.ContainsFunc(generations, func(g *generation) bool { return g.open() > 0 })
	})
	s.intake.stop()
	errs := make([]error, len(generations))
	var wg sync.WaitGroup
	for i, g := range generations {
		wg.Go(func() { errs[i] = g.drain(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Server) retire() []*generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.generations {
		g.retire()
	}
	return s.generations
}
