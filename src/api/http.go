package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"foobar/src/credentials"
)

// A Client is what the server knows about the client of a connection.
type Client struct {
	// Peer is the client as its certificate names it, nil without one.
	Peer *credentials.Peer
	// Trusted is for connections that the kernel has authorized, those of the
	// admin socket.
	Trusted bool
	// Conn is the client's connection. A request without one cannot be cut off.
	Conn Conn
}

// A Conn is a connection of a server.
type Conn interface {
	// CutOff closes the connection of a slow reader, at any time and without
	// waiting.
	CutOff()
}

// An origin is the client of a request, and the ID of the request.
type origin struct {
	Client
	id ID
}

type originKey struct{}

// WithOrigin returns a context for a request of c that has that ID in the log. A
// request without it is untrusted, and verified by the certificates of its TLS
// connection.
func WithOrigin(ctx context.Context, c Client, id ID) context.Context {
	return context.WithValue(ctx, originKey{}, origin{c, id})
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { ServeHTTP(a, w, r) }

// An interruptibleBody is the body of the request that w is the response to.
type interruptibleBody struct {
	io.Reader
	w http.ResponseWriter
}

// Interrupt implements Interrupter.
func (b interruptibleBody) Interrupt() {
	_ = http.NewResponseController(b.w).SetReadDeadline(time.Now())
}

// ServeHTTP answers r by s.
func ServeHTTP(s Service, w http.ResponseWriter, r *http.Request) {
	req, err := newRequest(r)
	req.Body = interruptibleBody{r.Body, w}
	var resp Response
	if err != nil {
		resp = errorResponse(req, err)
	} else {
		resp = s.Serve(r.Context(), req)
	}
	if resp.Done != nil {
		defer resp.Done()
	}
	resp.Write(w, r.Method)
}

// newRequest returns the request without its body, even with an error.
func newRequest(r *http.Request) (*Request, error) {
	from := originOf(r)
	req := &Request{
		ID: from.id, Client: from.Client, Method: r.Method, Path: r.URL.Path, Protocol: r.Proto,
		ContentLength: r.ContentLength,
		NoLength:      r.ContentLength == 0 && r.Header["Content-Length"] == nil,
	}
	if req.Path == "" && r.Method != http.MethodConnect {
		req.Path = "/" // RFC 9110, section 4.2.3
	}
	if !ValidHost(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)) {
		return req, errHost
	}
	for name, lines := range r.Header {
		for _, line := range lines {
			if err := AddField(req, name, line); err != nil {
				return req, err
			}
		}
	}
	return req, nil
}

// ValidHost reports whether an https URI can have host, which httpguts accepts as
// a value of the field Host.
func ValidHost(host string) bool {
	name, port, _ := strings.Cut(host, ":")
	unusual := func(c rune) bool {
		return !(c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z')
	}
	if name != "" && !strings.ContainsFunc(name, unusual) && strings.Trim(port, "0123456789") == "" {
		return true // without the allocations of url.Parse
	}
	u, err := url.Parse("https://" + host)
	return err == nil && u.Hostname() != ""
}

func originOf(r *http.Request) origin {
	from, ok := r.Context().Value(originKey{}).(origin)
	if !ok {
		from.id = NewID()
		if r.TLS != nil {
			from.Peer = credentials.NewPeer(r.TLS.PeerCertificates)
		}
	}
	return from
}

// Write writes the response to a request with this method.
func (r *Response) Write(w http.ResponseWriter, method string) {
	h := w.Header()
	for name, value := range r.Fields {
		h[name] = []string{value}
	}
	if r.Status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
	}
	if r.Close {
		h["Connection"] = []string{"close"}
	}
	w.WriteHeader(r.Status)
	if r.HasBody(method) {
		_, _ = w.Write(r.Body) // an error ends the connection
	}
}
