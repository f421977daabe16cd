package httpserver

import (
	"context"
	"syscall"
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
	go func() { // as soon as every connection has an engine, in firstRequestGrace at most
		defer close(stopped)
		s.handshakes.Wait()
		s.nethttp.Load().close()
	}()
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

// readPending reads what has arrived although the deadline has passed: on a busy
// machine the goroutine wakes up late, and a request that is in the socket would
// fail. It returns the number of bytes, and no error.
func (c *conn) readPending(p []byte) (n int) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(firstRequestGrace)) // for the rest of the request
	_ = c.socket.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	return max(n, 0)
}
