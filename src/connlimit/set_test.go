package connlimit

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A testConn is a connection with a wait that a test sets.
type testConn struct {
	address netip.Prefix
	wait    Wait
}

func (c *testConn) Address() netip.Prefix { return c.address }
func (c *testConn) Wait() Wait            { return c.wait }

func addWaiting(s *Set, p Phase, since time.Time) *testConn {
	c := &testConn{wait: Wait{Phase: p, Since: since}}
	s.Add(c)
	return c
}

// TestLongestWaitIsEvicted checks the order in which connections make room: first
// those without a request, the longest wait first, then those with one, and never
// one whose request has just begun.
func TestLongestWaitIsEvicted(t *testing.T) {
	s := &Set{}
	now := time.Now()
	addWaiting(s, Active, now)
	longRequest := addWaiting(s, Active, now.Add(-2*time.Minute))
	idle := addWaiting(s, Idle, now.Add(-time.Second))
	handshake := addWaiting(s, Handshake, now.Add(-3*time.Second))
	header := addWaiting(s, Header, now.Add(-2*time.Second))
	resumed := addWaiting(s, Idle, now.Add(-2*time.Second))
	s.SetLimits(6, 0)
	for i, want := range []*testConn{handshake, header, idle, longRequest} {
		got, refusal := s.Add(&testConn{wait: Wait{Phase: Active, Since: now}})
		if got != Conn(want) || refusal != "" {
			t.Fatalf("eviction %d: %+v, %q", i, got, refusal)
		}
		if i == 0 {
			resumed.wait = Wait{Phase: Active, Since: now} // a search has found it as idle
		}
	}
	if got, refusal := s.Add(&testConn{}); got != nil || refusal != ReasonConnections {
		t.Errorf("with requests that have just begun: evicted %v, refused %q", got, refusal)
	}
}

// TestCrowdIsEvictedFirst checks that connections of an address with many make
// room before one that waits longer and is the only one of its address.
func TestCrowdIsEvictedFirst(t *testing.T) {
	s := &Set{}
	now := time.Now()
	prefix := netip.MustParsePrefix
	add := func(address string, since time.Time) *testConn {
		c := &testConn{address: prefix(address), wait: Wait{Phase: Handshake, Since: since}}
		s.Add(c)
		return c
	}
	slow := add("192.0.2.1/32", now.Add(-9*time.Second))
	for i := range 8 {
		add("192.0.2.2/32", now.Add(-time.Duration(i)*time.Second))
	}
	s.SetLimits(9, 0)
	got, _ := s.Add(&testConn{})
	if c, ok := got.(*testConn); !ok || c == slow || c.wait.Since != now.Add(-7*time.Second) {
		t.Errorf("evicted %+v, want the longest wait of 192.0.2.2", got)
	}
}

func TestAddressLimit(t *testing.T) {
	var s Set
	s.SetLimits(0, 2)
	add := func(address string) (*testConn, string) {
		tcp := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
		c := &testConn{address: ClientAddress(tcp)}
		_, refusal := s.Add(c)
		return c, refusal
	}
	first, _ := add("192.0.2.1:1")
	for _, test := range []struct{ address, want string }{
		{"[::ffff:192.0.2.1]:2", ""},
		{"192.0.2.1:3", ReasonAddress},
		{"192.0.2.2:1", ""},
		{"[2001:db8::1]:1", ""},
		{"[2001:db8::2]:1", ""},
		{"[2001:db8::ffff:3]:1", ReasonAddress},
		{"[2001:db8:0:1::1]:1", ""},
	} {
		if _, refusal := add(test.address); refusal != test.want {
			t.Errorf("%s: refused %q, want %q", test.address, refusal, test.want)
		}
	}
	s.Remove(first)
	s.Remove(first) // closed twice, counted once
	if _, refusal := add("192.0.2.1:4"); refusal != "" {
		t.Errorf("after one was closed: %q", refusal)
	}
	if _, refusal := add("192.0.2.1:5"); refusal == "" {
		t.Error("a connection that was closed twice makes room for two")
	}
	unix := &testConn{address: ClientAddress(&net.UnixAddr{})}
	for range 5 {
		if _, refusal := s.Add(unix); refusal != "" {
			t.Errorf("AF_UNIX: %q", refusal)
		}
	}
}

func TestEmpty(t *testing.T) {
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	var s Set
	if !isClosed(s.Empty()) {
		t.Error("a set without connections is not empty")
	}
	c := addWaiting(&s, Idle, time.Now())
	empty := s.Empty()
	if isClosed(empty) {
		t.Error("a set with a connection is empty")
	}
	s.Remove(c)
	if !isClosed(empty) {
		t.Error("the set is not empty after its last connection")
	}
	s.Remove(c) // does not close the channel again
}
