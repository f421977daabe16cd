package httpserver

import "sync"

// A connSet is the set of open connections. The zero value is ready for use.
type connSet struct {
	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed chan struct{} // nil until empty is called
}

func (s *connSet) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
}

func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.closed != nil {
		close(s.closed)
		s.closed = nil
	}
}

func (s *connSet) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// all returns the open connections.
func (s *connSet) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// empty returns a channel that is closed once no connection is open.
func (s *connSet) empty() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := make(chan struct{})
	if len(s.conns) == 0 {
		close(closed)
		return closed
	}
	s.closed = closed
	return closed
}
