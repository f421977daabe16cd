package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// A generation is an http.Server with one set of settings, which net/http
// cannot change, and the connections that came under them.
type generation struct {
	settings Settings
	http     *http.Server
	conns    *handoff
	retired  atomic.Bool

	mu     sync.Mutex
	states map[net.Conn]http.ConnState
}

func newGeneration(o Options, s Settings) *generation {
	g := &generation{settings: s, conns: newHandoff(), states: map[net.Conn]http.ConnState{}}
	g.http = &http.Server{
		Handler:                      g.closing(o.Handler),
		TLSConfig:                    o.TLS,
		ReadHeaderTimeout:            s.Header,
		ReadTimeout:                  s.Header + s.Body,
		WriteTimeout:                 s.Header + s.Body + s.Response, // runs from the header on, and must outlast ReadTimeout
		IdleTimeout:                  s.Idle,
		MaxHeaderBytes:               s.MaxHeader,
		ConnState:                    g.track,
		ErrorLog:                     errorLog(o.Log),
		DisableGeneralOptionsHandler: true,
	}
	go g.serve(o)
	return g
}

func (g *generation) serve(o Options) {
	var err error
	if o.TLS != nil {
		err = g.http.ServeTLS(g.conns, "", "")
	} else {
		err = g.http.Serve(g.conns)
	}
	if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		o.Log.Error("server ended", zap.Error(err))
	}
}

// closing asks the clients of a retired generation to leave.
func (g *generation) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.retired.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (g *generation) retire() { g.retired.Store(true) }

func (g *generation) track(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(g.states, c)
		return
	}
	g.states[c] = state
}

// open returns how many connections there are.
func (g *generation) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.states)
}

// in returns the connections in a state.
func (g *generation) in(state http.ConnState) []net.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	var conns []net.Conn
	for c, s := range g.states {
		if s == state {
			conns = append(conns, c)
		}
	}
	return conns
}

// drain ends the connections, those last that are in the middle of a request.
func (g *generation) drain(ctx context.Context) error {
	wait(ctx, settling, func() bool { return len(g.in(http.StateNew)) == 0 })
	for _, c := range g.in(http.StateNew) {
		c.Close()
	}
	err := g.http.Shutdown(ctx)
	if err != nil {
		g.http.Close()
	}
	return err
}

// wait returns when done says so, or after limit, or with ctx.
func wait(ctx context.Context, limit time.Duration, done func() bool) {
	timeout := time.After(limit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			return
		case <-ctx.Done():
			return
		}
	}
}
