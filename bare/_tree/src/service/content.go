package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"syscall"

	"foobar/src/config"
	"foobar/src/httpserver"
	"foobar/src/logging"
)

// A Backend returns the handler that a Service serves, as that of package app. Log is
// the journal, and dir the directory that stays when the service restarts.
type Backend func(log *slog.Logger, dir string) (http.Handler, error)

// CheckCredentials checks the credentials that the handler needs besides those of the
// service. It returns lines about them for an administrator.
func (Backend) CheckCredentials(dir string) ([]string, error) { return nil, nil }

// A content is what a Service serves: the handler and /healthz behind the access rules.
type content struct {
	http.Handler
	stopping *atomic.Bool
}

// openContent makes the handler. Its error is a ConfigError: the service reports it at
// once and stays down, because systemd would wait for a service that it restarts.
func (s *Service) openContent() error {
	own, err := s.options.Backend(logging.Slog(s.log), s.options.DataDir)
	switch {
	case errors.Is(err, syscall.EPERM): // SystemCallErrorNumber= of the unit
		return &ConfigError{fmt.Errorf("%w: SystemCallFilter= of the unit may lack the system call; foobar-policy(7) shows how to add one", err)}
	case err != nil:
		return &ConfigError{err}
	}
	s.content = content{stopping: &atomic.Bool{}}
	mux := http.NewServeMux()
	mux.Handle("/", own)
	mux.HandleFunc("GET /healthz", s.content.health)
	s.content.Handler = s.policy.Handler(mux)
	return nil
}

// health reports to load balancers whether the service is to get requests.
func (c content) health(w http.ResponseWriter, _ *http.Request) {
	if c.stopping.Load() {
		http.Error(w, "the service is stopping", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// handler returns the options of a server for the requests of clients.
func (c content) handler() httpserver.Options { return httpserver.Options{Handler: c.Handler} }

// Apply has the handler follow a new configuration. With an error it has changed
// nothing.
func (content) Apply(config.Config) error { return nil }

// apply puts settings of the handler in force.
func (content) apply(config.Config) {}

// drain has /healthz report that the service is about to stop.
func (c content) drain() { c.stopping.Store(true) }

// Close releases what the handler has opened.
func (content) Close() error { return nil }

// healthy returns why a restart would help the handler, or nil. The watchdog asks it.
func (content) healthy() error { return nil }

// Check returns why the service is not to get requests, or nil.
func (content) Check(context.Context) error { return nil }

// Status returns a phrase about the handler for the status line.
func (content) Status() string { return "ready" }

// maxDiscard is how many bytes a client may send in vain and still gets to read the
// response.
func maxDiscard(l config.Limits) int64 { return 4 * int64(l.Body) }

// contentMemory returns what a configuration can make the handler need, in bytes: a
// guess until somebody measures it.
func contentMemory(config.Limits) int64 { return 64 << 20 }

// contentEvent returns the event for an error of the handler, and reports whether it
// has one of its own.
func contentEvent(error) (logging.Event, bool) { return "", false }
