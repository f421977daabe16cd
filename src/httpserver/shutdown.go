package httpserver

import (
	"context"
	"time"
)

const (
	// drainAnnounce is how long clients are asked to reconnect, with "Connection:
	// close" or GOAWAY, before idle connections are closed. Meanwhile new ones are
	// served, so that nobody waits for those who think. A connection that is closed
	// while a request is on its way fails that request, and the longer it was idle,
	// the less likely is one.
	drainAnnounce = time.Second
	// firstRequestGrace is how long a connection gets for its first request.
	firstRequestGrace = time.Second
)

// drainNotice is how long to ask clients to reconnect: half of what ctx leaves
// at most, the rest being for requests in flight.
func drainNotice(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return drainAnnounce
	}
	return min(drainAnnounce, time.Until(end)/2)
}

// Shutdown asks clients to reconnect while it goes on serving for a moment. Then
// it stops accepting, answers what is in flight and closes what is idle. When ctx
// ends it closes the rest and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	defer close(s.done)
	defer s.cancel()
	s.draining.Store(true)
	for _, c := range s.conns.all() {
		c.announced.Store(true)
	}
	select {
	case <-s.conns.empty():
	case <-time.After(drainNotice(ctx)):
	case <-ctx.Done():
	}
	s.acceptor.stop()
	for _, c := range s.conns.all() {
		c.startDrain()
	}
	stopped := make(chan struct{})
	go s.stopNetHTTP(stopped)
	select {
	case <-s.conns.empty():
		<-stopped
		return nil
	case <-ctx.Done():
		for _, c := range s.conns.all() {
			c.Close()
		}
		return ctx.Err()
	}
}

// stopNetHTTP ends net/http's part once every connection has an engine. That
// takes no longer than firstRequestGrace.
func (s *Server) stopNetHTTP(stopped chan<- struct{}) {
	defer close(stopped)
	s.handshakes.Wait()
	n := s.nethttp.Load()
	n.http1.conns.Close()
	n.shutdownHTTP2(s.context)
}
