// Package api is what the service does with an HTTP request: which paths there
// are, who may use them, what is stored and what is answered. It knows nothing
// of connections; package web brings it the requests of an HTTP engine.
package api

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/state"

	"go.uber.org/zap"
)

// A Request is what the API asks of an HTTP request. The strings are header
// field values, empty where the field is missing.
type Request struct {
	ID            ID
	Method, Path  string
	Authorization string
	IfMatch       string
	IfNoneMatch   string
	IfRange       string
	Range         string
	// Body is read once, and not at all where the request is refused without.
	Body io.Reader
	// ContentLength is in bytes, -1 where it is not known.
	ContentLength int64
	// Peer is who the client's certificate says it is, nil without one.
	Peer *credentials.Peer
	// Trusted requests came over the admin socket, where the kernel has let
	// the client in.
	Trusted bool
}

// A Response is what an engine sends. Strings are header field values, left
// out where they are empty.
type Response struct {
	Status int
	// Body is sent for every method but HEAD, which gets its length alone.
	Body            []byte
	ContentType     string
	ETag            string
	AcceptRanges    string
	ContentRange    string
	Allow           string
	RetryAfter      string
	WWWAuthenticate string
	// Close says that the connection cannot carry another request.
	Close bool
}

// Settings are the parts of the configuration that the API follows.
type Settings struct {
	Access  config.Access
	State   int64 // largest state, in bytes
	Uploads int64 // all upload buffers together, in bytes
}

// A Store is what an API needs of a state.Store.
type Store interface {
	Current() *state.Version
	Replace(context.Context, state.Condition, []byte) (*state.Version, error)
}

// An API answers requests. Its methods may be called by many goroutines.
type API struct {
	store       Store
	credentials *credentials.Store
	log         *zap.Logger
	settings    atomic.Pointer[Settings]
	uploads     budget
	routes      map[string]methods
}

// New returns an API over store.
func New(store Store, creds *credentials.Store, log *zap.Logger, s Settings) *API {
	a := &API{store: store, credentials: creds, log: log}
	a.routes = a.table()
	a.Apply(s)
	return a
}

// Apply puts other settings in force for the requests that come.
func (a *API) Apply(s Settings) {
	a.settings.Store(&s)
	a.uploads.limit.Store(s.Uploads)
}

// Serve answers one request.
func (a *API) Serve(ctx context.Context, r *Request) Response {
	resp, err := a.serve(ctx, r)
	if err != nil {
		return a.failure(r, err)
	}
	return resp
}

func (a *API) serve(ctx context.Context, r *Request) (Response, error) {
	route, ok := a.routes[r.Path]
	if !ok {
		return Response{}, errNotFound
	}
	m, ok := route.by[r.Method]
	if !ok {
		return Response{}, &methodError{allow: route.allow}
	}
	if err := a.authorize(m.access, r); err != nil {
		return Response{}, err
	}
	return m.serve(ctx, r)
}

// A method is how one method of a path is served, and the access that it
// needs.
type method struct {
	access access
	serve  func(context.Context, *Request) (Response, error)
}

// methods are those of one path.
type methods struct {
	allow string // the Allow header field
	by    map[string]method
}

// table is every path and method that there is.
func (a *API) table() map[string]methods {
	read := method{readAccess, a.get}
	write := method{writeAccess, a.replace}
	return map[string]methods{
		"/": {"GET, HEAD, POST, PUT", map[string]method{
			http.MethodGet:  read,
			http.MethodHead: read,
			http.MethodPost: write,
			http.MethodPut:  write,
		}},
	}
}
