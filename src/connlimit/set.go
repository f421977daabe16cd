// Package connlimit holds the open connections of a server, and decides which of
// them are closed to make room for others: those that have waited for their
// clients the longest. It closes nothing itself. Read Set first.
package connlimit

import (
	"maps"
	"net"
	"net/netip"
	"slices"
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

const (
	Handshake Phase = iota // agrees on TLS
	Idle                   // waits for a request
	Header                 // reads a request's header
	Active                 // reads a request's body, or answers
)

// A Wait is the phase of a connection, and since when it has been in it.
type Wait struct {
	Phase   Phase
	HTTP2   bool
	Streams int  // requests of HTTP/2 in progress
	Large   bool // keeps more memory than others while it is idle
	Since   time.Time
}

// A Set holds the open connections, and decides which of them make room for
// a new one. The zero value is ready, and without limits.
type Set struct {
	mu         sync.Mutex
	conns      map[Conn]struct{}
	byAddress  map[netip.Prefix]int
	total      int // 0 is no limit
	perAddress int
	longest    queue
	closed     chan struct{} // not nil once Empty is called
}

// The reasons to refuse a connection, as labels of metrics.
const (
	ReasonConnections = "connections" // all that may be open have a request
	ReasonAddress     = "per_address" // all that one client may have are open
)

// SetLimits limits how many connections are open, all together and of one client
// address; 0 is no limit. It closes no connection.
func (s *Set) SetLimits(total, perAddress int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total, s.perAddress = total, perAddress
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
		s.longest.count = func(Wait) int { return 1 }
	}
	if s.perAddress > 0 && c.Address().IsValid() && s.byAddress[c.Address()] >= s.perAddress {
		return nil, ReasonAddress
	}
	if s.total > 0 && len(s.conns) >= s.total {
		if evicted = s.evict(&s.longest, c, s.total); evicted == c {
			return nil, ReasonConnections
		}
	}
	s.conns[c] = struct{}{}
	s.byAddress[c.Address()]++
	return evicted, ""
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

// All returns the open connections.
func (s *Set) All() []Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// Empty returns a channel that is closed once no connection is open.
func (s *Set) Empty() <-chan struct{} {
	closed := make(chan struct{})
	s.mu.Lock()
	s.closed = closed
	s.mu.Unlock()
	s.Remove(nil) // closes it where there is none
	return closed
}

// ClientAddress returns what one client can be assumed to hold: an IPv4 address,
// or a /64 network of IPv6. It is not valid for an AF_UNIX socket.
func ClientAddress(a net.Addr) netip.Prefix {
	tcp, _ := a.(*net.TCPAddr) // nil has no valid address
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	return netip.PrefixFrom(ip, min(ip.BitLen(), 64)).Masked()
}
