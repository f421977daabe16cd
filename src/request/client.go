package request

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"

	"foobar/src/credentials"
)

// A Client is what the server knows about the client of a connection.
type Client struct {
	// Peer is the client as its certificate names it, nil without one.
	Peer *credentials.Peer
	// Trusted is for connections that the kernel has authorized, those of the
	// admin socket.
	Trusted bool
	// Address is the client's, see connlimit.ClientAddress. Clients whose address is not
	// valid count as one.
	Address netip.Prefix
	// Conn is the client's connection. A request without one cannot be cut off.
	Conn Conn
}

// A Conn is a connection of a server.
type Conn interface {
	// CutOff closes the connection of a slow reader, at any time and without
	// waiting, with all its streams in HTTP/2. net/http could reset one stream
	// (http.ResponseController.SetWriteDeadline), but a handler that writes to the
	// stream holds its data until RST_STREAM is sent, which is after what a client
	// that reads nothing has not read.
	CutOff()
}

// An Origin is the client of a request, and the ID of the request.
type Origin struct {
	Client
	ID ID
}

type originKey struct{}

// WithOrigin returns a context for a request of c that has that ID in the log.
func WithOrigin(ctx context.Context, c Client, id ID) context.Context {
	return context.WithValue(ctx, originKey{}, Origin{c, id})
}

// OriginOf returns the origin that WithOrigin has put into the context of r. A
// request without one is untrusted, and has the certificates of its TLS connection.
func OriginOf(r *http.Request) Origin {
	from, ok := r.Context().Value(originKey{}).(Origin)
	if !ok {
		from.ID = NewID()
		if r.TLS != nil {
			from.Peer = credentials.NewPeer(r.TLS.PeerCertificates)
		}
	}
	return from
}

// An ID identifies a request in the response and in the log. It is random: a
// client learns nothing of other clients' requests from its own, and no counter
// is shared between cores. Among a billion requests the chance that two have the
// same is one in 37.
type ID uint64

// NewID returns a random ID.
func NewID() ID { return ID(rand.Uint64()) }

// String returns 16 hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }
