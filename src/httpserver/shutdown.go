package httpserver

import (
	"context"
	"time"
)

const (
	// drainAnnounce is how long clients are asked to reconnect, with "Connection:
	// close" or GOAWAY, before idle connections are closed. New connections are
	// served in that time. Closing a connection fails a request that is on its way,
	// which is less likely the longer the connection was idle.
	drainAnnounce = time.Second
	// firstRequestGrace is how long a new connection may wait for its first request
	// in a drain. On a busy machine a TLS handshake alone can take a second.
	firstRequestGrace = 2 * time.Second
)

// Shutdown asks clients to reconnect while it accepts connections for a moment
// longer. Then it stops accepting, answers the requests in flight and closes idle
// connections. When ctx ends, it closes all connections and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	notice := drainAnnounce
	if end, ok := ctx.Deadline(); ok {
		notice = min(notice, time.Until(end)/2) // requests in flight need the rest
	}
	s.draining.Store(true)
	for _, c := range s.conns.All() {
		c.(*conn).announced.Store(true)
	}
	select {
	case <-s.conns.Empty():
	case <-time.After(notice):
	case <-ctx.Done():
	}
	s.acceptor.Stop()
	for _, c := range s.conns.All() {
		c.(*conn).startDrain()
	}
	stopped := make(chan struct{})
	go s.stopNetHTTP(stopped)
	select {
	case <-s.conns.Empty():
		<-stopped
		return nil
	case <-ctx.Done():
		for _, c := range s.conns.All() {
			c.(*conn).Close()
		}
		return ctx.Err()
	}
}

// stopNetHTTP closes net/http's servers as soon as every connection has an engine,
// which takes no longer than firstRequestGrace.
func (s *Server) stopNetHTTP(stopped chan<- struct{}) {
	defer close(stopped)
	s.handshakes.Wait()
	n := s.nethttp.Load()
	n.http1.conns.Close()
	n.shutdownHTTP2(s.context)
}
