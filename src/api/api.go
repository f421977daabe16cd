// Package api is what the service does with an HTTP request: which paths and
// methods exist, who may use them, what is stored and what the response is.
//
// An API is an http.Handler. It also serves without net/http's types (Serve),
// for package http1; the responses are the same. It accepts no connections and
// keeps no metrics: package httpserver does.
//
// Read api.go first, then read.go and write.go; errors.go has the status of each
// error, and http.go the way from and to net/http.
package api

import (
	"context"
	"net/http"
	"sync/atomic"

	"foobar/src/access"
	"foobar/src/request"
	"foobar/src/state"

	"go.uber.org/zap"
)

// Settings are what can change while an API serves.
type Settings struct {
	State   int64 // largest state, in bytes
	Uploads int64 // all upload buffers together, in bytes
}

// MaxVersions is how many versions of the state, each of the largest size, clients
// can keep in memory by reading them. Smaller versions can be as many more.
const MaxVersions = 4

// A Store keeps the state, as *state.Store does. Its errors are those of package
// state, or others, which are answered with status 500.
type Store interface {
	// Read returns a version that is at least as new as the call, nil before the
	// first write.
	Read(context.Context) (*state.Version, error)
	// Replace makes the bytes, which the caller must not use afterwards, the state
	// if the condition holds.
	Replace(context.Context, state.Condition, []byte) (*state.Version, error)
	// Check returns the error that a write would fail with now, as far as the store
	// can know.
	Check(context.Context) error
}

// An API answers requests. Its methods may be called by many goroutines.
type API struct {
	store    Store
	policy   *access.Policy
	log      *zap.Logger
	settings atomic.Pointer[Settings]
	reads    *budget
	uploads  *budget
	routes   map[string]route // by path
	draining atomic.Bool
}

// New returns an API over store.
func New(store Store, policy *access.Policy, log *zap.Logger, s Settings) *API {
	a := &API{store: store, policy: policy, log: log, reads: newBudget((*Request).closeConn), uploads: newBudget((*Request).interruptBody)}
	a.routes = map[string]route{
		"/":        {"GET, HEAD, POST, PUT", map[string]method{"GET": a.get, "HEAD": a.get, "POST": a.replace, "PUT": a.replace}},
		"/healthz": {"GET, HEAD", map[string]method{"GET": a.health, "HEAD": a.health}},
		"*":        {"OPTIONS", map[string]method{"OPTIONS": a.options}}, // the server as a whole, RFC 9110, section 9.3.7
	}
	a.Apply(s)
	return a
}

// Apply puts other settings in force, for the next requests.
func (a *API) Apply(s Settings) {
	a.settings.Store(&s)
	a.reads.limit.Store(MaxVersions * (s.State + 1)) // a buffer may have one byte more than its body
	a.uploads.limit.Store(s.Uploads)
}

// Drain makes /healthz report that the service is about to stop.
func (a *API) Drain() { a.draining.Store(true) }

// Versions returns how many versions of the state clients are reading that are
// not copied for them.
func (a *API) Versions() int { return a.reads.count() }

// Serve answers one request.
func (a *API) Serve(ctx context.Context, r *Request) Response {
	resp, err := a.serve(ctx, r)
	if err != nil {
		resp = errorResponse(r, err)
		a.logError(r, resp.Status, err)
	}
	return resp
}

func (a *API) serve(ctx context.Context, r *Request) (Response, error) {
	route, ok := a.routes[r.Path]
	if !ok {
		return Response{}, errNotFound
	}
	serve, ok := route.byMethod[r.Method]
	if !ok {
		return Response{}, &request.Refusal{Response: Response{Status: http.StatusMethodNotAllowed, Allow: route.allow}, Message: "allowed methods are " + route.allow}
	}
	if refused := a.policy.Check(r.Client, r.Method, r.Path, r.Authorization.Value); refused != nil {
		return Response{}, refused
	}
	return serve(ctx, r)
}

// A route is one path.
type route struct {
	allow    string // the Allow header field
	byMethod map[string]method
}

// A method serves one method of a path.
type method func(context.Context, *Request) (Response, error)

// health reports whether a load balancer may send requests to this service: whether
// the service can read the state, and is to go on.
func (a *API) health(ctx context.Context, r *Request) (Response, error) {
	if _, err := a.store.Read(ctx); err != nil {
		return Response{}, err
	}
	return a.options(ctx, r)
}

// options answers without the store.
func (a *API) options(context.Context, *Request) (Response, error) {
	if a.draining.Load() {
		return Response{}, errDraining
	}
	return Response{Status: http.StatusOK, ContentType: request.TextType, Body: []byte("ok\n")}, nil
}
