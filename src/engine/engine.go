// Package engine is the contract between the connections of package httpserver and
// what serves HTTP/1.1 on them instead of net/http, such as package http1. Neither of
// the two packages imports the other.
package engine

import (
	"context"
	"io"
	"net"
	"time"

	"foobar/src/request"
)

// MaxTLSRecord is the largest record that TLS sends, in bytes.
const MaxTLSRecord = 16 << 10

// An Engine serves connections. Its methods may be called by many goroutines.
type Engine interface {
	// ServeConn serves requests until the connection ends. It does not close c.
	ServeConn(ctx context.Context, c Conn, client request.Client)
	// Apply puts other settings in force. Open connections follow with their next
	// request.
	Apply(Settings)
}

// A Conn is a connection as an Engine needs it: the bytes of HTTP, deadlines,
// and what the end of a connection takes.
type Conn interface {
	net.Conn
	// ReadFirst waits for the first bytes of a request, until limit at most. The
	// connection is idle meanwhile. It calls read, which reads from the connection,
	// when something has arrived, and again after an error that was temporary. It
	// returns the last error of read, nil for success.
	ReadFirst(read func() error, limit time.Duration) error
	// SetHeaderTimeout sets a deadline for the rest of a header, limit from start.
	SetHeaderTimeout(start time.Time, limit time.Duration)
	// StartRequest is called when a request's header has been read.
	StartRequest(now time.Time)
	// SetReadTimeout and SetWriteTimeout set deadlines limit from now, roughly.
	SetReadTimeout(now time.Time, limit time.Duration)
	SetWriteTimeout(now time.Time, limit time.Duration)
	// WriteBoth writes two buffers, if possible in one system call.
	WriteBoth(first, second []byte) error
	// Draining reports whether responses are to say "Connection: close".
	Draining() bool
	// Linger lets the client read the last response before the connection is
	// closed: it discards what the client still sends, for limit and up to
	// maxBytes.
	Linger(limit time.Duration, maxBytes int64)
	// Abort ends the connection without TLS's closing alert.
	Abort()
}

// An AccessRecord is one answered request.
type AccessRecord struct {
	ID request.ID
	// Method is empty where no request could be read.
	Method, Path, Protocol      string
	Remote                      net.Addr
	Status                      int
	Duration                    time.Duration
	RequestBytes, ResponseBytes int64 // sizes of the bodies
}

// An Observer counts and logs requests.
type Observer interface {
	// RequestStarted comes before, RequestDone after the handler and the
	// response, once each. RequestStarted reports whether there is room for the
	// request of the client.
	RequestStarted(request.Client) bool
	RequestDone(AccessRecord)
	// RequestRefused comes instead for what no handler can answer. The status
	// is 0 where nothing was sent.
	RequestRefused(reason string, cause error, r AccessRecord)
	// HandlerPanicked is called on the handler's stack.
	HandlerPanicked(id request.ID, value any)
	// WantsRequestID reports whether a response carries the request's ID.
	WantsRequestID(method string, status int) bool
}

// Settings bound what a client can hold and for how long.
type Settings struct {
	// Header is for a request's header section, Body for its body, Response for
	// the response, Idle for the time between two requests.
	Header, Body, Response, Idle time.Duration
	MaxHeader                    int // bytes
	// MaxDiscard is how many bytes of a body that no handler reads are discarded,
	// so that the client reads the response.
	MaxDiscard int64
}

const (
	// DiscardPause is how long a client that gets its last response may send
	// nothing, before the connection is closed.
	DiscardPause = 500 * time.Millisecond
	// discardBuffer is how many bytes are discarded at a time.
	discardBuffer = 16 << 10
)

// Discard reads from r while data flows: for limit, up to maxBytes, and until
// nothing arrives for DiscardPause.
func Discard(r io.Reader, limit time.Duration, maxBytes int64, setDeadline func(time.Time) error) {
	buffer := make([]byte, discardBuffer)
	for end := time.Now().Add(limit); maxBytes > 0; {
		now := time.Now()
		if !now.Before(end) || setDeadline(now.Add(min(DiscardPause, end.Sub(now)))) != nil {
			return
		}
		n, err := r.Read(buffer[:min(maxBytes, discardBuffer)])
		if err != nil {
			return
		}
		maxBytes -= int64(n)
	}
}
