package httpserver

import "foobar/src/connlimit"

const (
	// maxHandshakes is how many TLS handshakes are in progress at a time. Each
	// holds up to maxHandshakeBytes twice: as records, and as a message.
	maxHandshakes = 500
	// http2Share is the part of limits.connections that HTTP/2 may have: an idle
	// connection of HTTP/2 holds about four times the memory of one of HTTP/1.1.
	http2Share = 4
	// http2Requests is how many quarters of limits.requests HTTP/2 may have: a
	// client opens a hundred at once there, and none may be closed in its first
	// second.
	http2Requests = 3
)

// quotas are the quotas of a Server.
type quotas struct{ handshakes, http2, requests, http2Requests *connlimit.Quota }

func newQuotas(conns *connlimit.Set) quotas {
	q := quotas{
		handshakes:    connlimit.NewQuota(conns, func(w connlimit.Wait) bool { return w.Phase == connlimit.Handshake }),
		http2:         connlimit.NewQuota(conns, func(w connlimit.Wait) bool { return w.HTTP2 }),
		requests:      connlimit.NewQuota(conns, func(w connlimit.Wait) bool { return w.Phase == connlimit.Active }),
		http2Requests: connlimit.NewQuota(conns, func(w connlimit.Wait) bool { return w.Phase == connlimit.Active && w.HTTP2 }),
	}
	q.handshakes.SetLimit(maxHandshakes)
	return q
}

func (q quotas) setLimits(s Settings) {
	q.http2.SetLimit((s.Connections + http2Share - 1) / http2Share)
	q.requests.SetLimit(s.Requests)
	q.http2Requests.SetLimit((s.Requests*http2Requests + 3) / 4)
}
