package httpserver

import (
	"time"

	"foobar/src/connlimit"
)

const (
	// maxHandshakes is how many TLS handshakes are in progress at a time. Each
	// holds up to maxHandshakeBytes twice: as records, and as a message.
	maxHandshakes = 500
	// LargeShare is the part of limits.connections that may be large: those of HTTP/2,
	// and those whose client has sent a record of TLS above smallRead.
	LargeShare = 20
	// smallRead is how many bytes TLS reads at once where records are small. It keeps
	// a buffer of the largest record for as long as the connection is open.
	smallRead = 8 << 10
	// http2Requests is how many quarters of limits.requests HTTP/2 may have: one
	// connection has many at once there, and few are closed in their first second.
	http2Requests = 3
)

// quotas are the quotas of a Server.
type quotas struct{ handshakes, headers, large, requests, http2Requests *connlimit.Quota }

func newQuotas(conns *connlimit.Set) quotas {
	return quotas{
		handshakes:    connlimit.NewQuota(conns, func(w connlimit.Wait) int { return oneIf(w.Phase == connlimit.Handshake) }),
		headers:       connlimit.NewQuota(conns, func(w connlimit.Wait) int { return oneIf(w.Phase == connlimit.Header) }),
		large:         connlimit.NewQuota(conns, func(w connlimit.Wait) int { return oneIf(w.Large) }),
		requests:      connlimit.NewQuota(conns, func(w connlimit.Wait) int { return max(w.Streams, oneIf(w.Phase == connlimit.Active && !w.HTTP2)) }),
		http2Requests: connlimit.NewQuota(conns, func(w connlimit.Wait) int { return w.Streams }),
	}
}

func oneIf(condition bool) int {
	if condition {
		return 1
	}
	return 0
}

func (q quotas) setLimits(s Settings) {
	q.handshakes.SetLimit(maxHandshakes)
	q.headers.SetLimit(s.Requests)
	q.large.SetLimit((s.Connections + LargeShare - 1) / LargeShare)
	q.requests.SetLimit(s.Requests)
	q.http2Requests.SetLimit((s.Requests*http2Requests + 3) / 4)
}

// setPhase says what the connection waits for since now.
func (c *conn) setPhase(p connlimit.Phase, now time.Time) {
	c.mu.Lock()
	c.phase, c.since = p, now
	c.deadlines.Store(0)
	c.sawRequest = c.sawRequest || p >= connlimit.Header
	if p == connlimit.Active && c.draining.Load() {
		c.Conn.SetReadDeadline(time.Time{}) // the deadline of the header has been met
	}
	changes := c.inHeader != (p == connlimit.Header)
	c.mu.Unlock()
	if changes {
		c.count(c.server.quotas.headers, &c.inHeader, p == connlimit.Header)
	}
}

// startHeader ends the time without a request: bytes of a header have arrived. In
// HTTP/2, net/http reports the phases.
func (c *conn) startHeader() {
	if w := c.Wait(); w.Phase == connlimit.Idle && !w.HTTP2 {
		c.setPhase(connlimit.Header, time.Now())
	}
}

// count adds the connection to a quota or removes it. A quota that is used up closes
// another connection, or this one.
func (c *conn) count(q *connlimit.Quota, in *bool, want bool) {
	c.mu.Lock()
	want = want && !c.closed
	changed := *in != want
	*in = want
	c.mu.Unlock()
	switch {
	case changed && want:
		c.server.observer.evict(q.Acquire(c))
	case changed:
		q.Release()
	}
}
