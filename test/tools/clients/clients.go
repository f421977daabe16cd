// Package clients loads a server with clients of several profiles while the
// server is restarted: they read its state and count it up, and the package
// tells which requests failed and whether an acknowledged write was lost.
//
// Clients do not repeat a request: one that was sent and not answered is a
// failure, whatever its method. Exceptions are those that the protocols name,
// and they are counted apart: a request that crossed the end of an idle
// HTTP/1.1 connection (RFC 9112, section 9.5), and a stream that an HTTP/2
// server has refused, which the client sends again (RFC 9113, section 6.8).
//
// Read load.go first, then client.go; counter.go judges the writes.
package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// A Server serves a single state as src/api does.
type Server struct {
	Address string // host:port; TLS verifies the host
	Token   string // the bearer token for writes
	TLS     *tls.Config
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Profile is how a client uses its connections.
type Profile struct {
	Name              string
	HTTP2             bool
	NewConnPerRequest bool
	Pause             time.Duration // mean time between a response and the next request
}

// Profiles returns a profile for each protocol and use. The connections of
// those with long pauses are idle when the server comes to close them.
func Profiles() []Profile {
	const busy, mostlyIdle = 5 * time.Millisecond, 700 * time.Millisecond
	return []Profile{
		{Name: "HTTP/1.1, kept", Pause: busy},
		{Name: "HTTP/1.1, kept and idle", Pause: mostlyIdle},
		{Name: "HTTP/1.1, new", NewConnPerRequest: true, Pause: 4 * busy},
		{Name: "HTTP/2", HTTP2: true, Pause: busy},
		{Name: "HTTP/2, idle", HTTP2: true, Pause: mostlyIdle},
		{Name: "HTTP/2, new", HTTP2: true, NewConnPerRequest: true, Pause: 4 * busy},
	}
}

// firstRequestGrace is the time that a server leaves a new connection for its
// first request while it stops, less what the network takes.
const firstRequestGrace = 1800 * time.Millisecond

// closeRace reports whether err can be that of a request that crossed the
// server's end of the connection on the wire. A client of HTTP/1.1 that sends
// nothing cannot be told before its connection is closed, and nobody reads
// what it sends at that moment.
func (p Profile) closeRace(err error) bool {
	idle := !p.HTTP2 && !p.NewConnPerRequest && p.Pause > 100*time.Millisecond
	return idle && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET))
}

// late reports whether err can be that of a request that came later than a server
// waits for it while it stops, as on a busy machine. Silence is the time from the
// dial to the request.
func late(err error, silence time.Duration) bool {
	closed := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	return closed && silence > firstRequestGrace
}

// refused reports whether the server has refused the stream of a request
// without processing it: its number is above the last one of a GOAWAY frame,
// or it was reset with REFUSED_STREAM. net/http has no exported error for
// either.
func (p Profile) refused(err error) bool {
	return p.HTTP2 && (strings.Contains(err.Error(), "graceful shutdown GOAWAY") || strings.Contains(err.Error(), "REFUSED_STREAM"))
}
