// Package connlimit holds the open connections of a server, and decides which of
// them are closed to make room for others: those that have waited for their
// clients the longest. It closes nothing itself. Read Set first.
package connlimit

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Conn is an open connection. It is comparable.
type Conn interface {
	// Address is the client's, see ClientAddress.
	Address() netip.Prefix
	// Wait returns what the connection waits for.
	Wait() Wait
}

// A Phase is what a connection is doing.
type Phase int

// The phases of a connection.
const (
	Handshake Phase = iota // agrees on TLS
	Idle                   // waits for a request
	Header                 // reads a request's header
	Active                 // reads a request's body, or answers
)

// A Wait is the phase of a connection, and since when it has been in it.
type Wait struct {
	Phase Phase
	HTTP2 bool
	Since time.Time
}

// A Set holds the open connections, and decides which of them make room for
// a new one. The zero value is ready, and without limits.
type Set struct {
	mu        sync.Mutex
	conns     map[Conn]struct{}
	byAddress map[netip.Prefix]int
	limits    Limits
	longest   queue
	closed    chan struct{} // not nil once Empty is called
}

// The reasons to refuse a connection, as labels of metrics.
const (
	ReasonConnections = "connections" // Limits.Total are open, all with a request
	ReasonAddress     = "per_address" // Limits.Address are open of this client
)

// Limits are the limits of a Set. 0 is no limit.
type Limits struct {
	Total   int
	Address int // of one client address; of one /64 network of IPv6
}

// SetLimits puts other limits in force. It closes no connection.
func (s *Set) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = l
}

// Add adds a connection. If the set is full, it removes the connection that has
// waited for its client the longest and returns it; the caller closes it. If
// there is none, or the client's address has reached its limit, Add returns the
// reason why the new connection is refused.
func (s *Set) Add(c Conn) (evicted Conn, refusal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns, s.byAddress = map[Conn]struct{}{}, map[netip.Prefix]int{}
	}
	if s.limits.Address > 0 && c.Address().IsValid() && s.byAddress[c.Address()] >= s.limits.Address {
		return nil, ReasonAddress
	}
	if s.limits.Total > 0 && len(s.conns) >= s.limits.Total {
		if evicted = s.longest.take(s.conns); evicted == nil {
			return nil, ReasonConnections
		}
		s.delete(evicted)
	}
	s.conns[c] = struct{}{}
	s.byAddress[c.Address()]++
	return evicted, ""
}

// evict removes the connection that q names and returns it, nil if there is none.
func (s *Set) evict(q *queue) Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := q.take(s.conns)
	if c != nil {
		s.delete(c)
	}
	return c
}

// Remove removes a connection, if it is there.
func (s *Set) Remove(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delete(c)
	if len(s.conns) == 0 && s.closed != nil {
		close(s.closed)
		s.closed = nil
	}
}

func (s *Set) delete(c Conn) {
	if _, open := s.conns[c]; !open {
		return
	}
	delete(s.conns, c)
	if s.byAddress[c.Address()]--; s.byAddress[c.Address()] == 0 {
		delete(s.byAddress, c.Address())
	}
}

// Count returns how many connections are open.
func (s *Set) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// All returns the open connections.
func (s *Set) All() []Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// Empty returns a channel that is closed once no connection is open.
func (s *Set) Empty() <-chan struct{} {
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

// ClientAddress returns what one client can be assumed to hold: an IPv4 address,
// or a /64 network of IPv6. It is not valid for an AF_UNIX socket.
func ClientAddress(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // fails for an invalid address, with an invalid prefix
	return prefix
}
