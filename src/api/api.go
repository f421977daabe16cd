package api

import (
	"context"
	"net/http"
	"sync/atomic"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/state"

	"go.uber.org/zap"
)

// Settings are what can change while an API serves.
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
	routes      map[string]route // by path
}

// New returns an API over store.
func New(store Store, creds *credentials.Store, log *zap.Logger, s Settings) *API {
	a := &API{store: store, credentials: creds, log: log}
	a.routes = a.newRoutes()
	a.Apply(s)
	return a
}

// Apply puts other settings in force, for the next requests.
func (a *API) Apply(s Settings) {
	a.settings.Store(&s)
	a.uploads.limit.Store(s.Uploads)
}

// Serve answers one request.
func (a *API) Serve(ctx context.Context, r *Request) Response {
	resp, err := a.serve(ctx, r)
	if err != nil {
		a.logFailure(r, err)
		return errorResponse(r, err)
	}
	return resp
}

func (a *API) serve(ctx context.Context, r *Request) (Response, error) {
	route, ok := a.routes[r.Path]
	if !ok {
		return Response{}, errNotFound
	}
	m, ok := route.byMethod[r.Method]
	if !ok {
		return Response{}, methodNotAllowed(route.allow)
	}
	if err := a.authorize(m.permission, r); err != nil {
		return Response{}, err
	}
	return m.serve(ctx, r)
}

// A route is one path.
type route struct {
	allow    string // the Allow header field
	byMethod map[string]method
}

// A method serves one method of a path, to clients with the permission for it.
type method struct {
	permission permission
	serve      func(context.Context, *Request) (Response, error)
}

func (a *API) newRoutes() map[string]route {
	read := method{readPermission, a.get}
	write := method{writePermission, a.replace}
	return map[string]route{
		"/": {"GET, HEAD, POST, PUT", map[string]method{
			http.MethodGet:  read,
			http.MethodHead: read,
			http.MethodPost: write,
			http.MethodPut:  write,
		}},
	}
}
