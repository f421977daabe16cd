package api

import (
	"context"
	"net/http"
	"strconv"

	"foobar/src/credentials"
)

// A Client is what a connection says of its client.
type Client struct {
	// Peer is the client as its certificate names it, nil without one.
	Peer *credentials.Peer
	// Trusted is for connections that the kernel has authorized, those of the
	// admin socket.
	Trusted bool
}

type contextKey int

const (
	clientKey contextKey = iota
	idKey
)

// WithClient returns a context for the requests of one connection. Requests
// without it are untrusted, and verified by the certificates of their TLS
// connection each time.
func WithClient(ctx context.Context, c *Client) context.Context {
	return context.WithValue(ctx, clientKey, c)
}

// WithID returns a context for one request, which then has that ID in the log.
func WithID(ctx context.Context, id ID) context.Context {
	return context.WithValue(ctx, idKey, id)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { ServeHTTP(a, w, r) }

// ServeHTTP answers r by s.
func ServeHTTP(s Service, w http.ResponseWriter, r *http.Request) {
	req, err := newRequest(r)
	var resp Response
	if err != nil {
		resp = errorResponse(req, err)
	} else {
		resp = s.Serve(r.Context(), req)
	}
	resp.Write(w, r.Method)
}

// newRequest returns the request even with an error.
func newRequest(r *http.Request) (*Request, error) {
	req := &Request{
		ID: requestID(r.Context()), Method: r.Method, Path: r.URL.Path, Protocol: r.Proto,
		Body: r.Body, ContentLength: r.ContentLength,
		NoLength: r.ContentLength == 0 && r.Header["Content-Length"] == nil,
	}
	if req.Path == "" && r.Method != http.MethodConnect {
		req.Path = "/" // RFC 9110, section 4.2.3
	}
	for name, field := range map[string]*Field{
		"If-Match": &req.IfMatch, "If-None-Match": &req.IfNoneMatch,
		"Content-Encoding": &req.ContentEncoding, "Content-Range": &req.ContentRange,
	} {
		for _, line := range r.Header[name] {
			field.Add(line)
		}
	}
	c := clientOf(r)
	req.Peer, req.Trusted = c.Peer, c.Trusted
	for name, field := range map[string]*string{"Authorization": &req.Authorization, "If-Range": &req.IfRange, "Range": &req.Range} {
		if err := setOnce(field, r.Header[name]); err != nil {
			return req, err
		}
	}
	return req, nil
}

func requestID(ctx context.Context) ID {
	if id, ok := ctx.Value(idKey).(ID); ok {
		return id
	}
	return NewID()
}

func clientOf(r *http.Request) Client {
	if c, ok := r.Context().Value(clientKey).(*Client); ok {
		return *c
	}
	if r.TLS == nil {
		return Client{}
	}
	return Client{Peer: credentials.NewPeer(r.TLS.PeerCertificates)}
}

func setOnce(field *string, values []string) error {
	for _, v := range values {
		if *field != "" {
			return errRepeatedField
		}
		*field = v
	}
	return nil
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
