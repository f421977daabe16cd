// Package app answers the requests that the access rules allow. It is the part of the
// service to replace: another New, in as many files as it needs.
package app

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// New returns the handler of the service. Log is the journal; dir is a directory of
// the service's own, which stays when it restarts. With an error the service ends with
// exit status 78, and systemd does not start it again.
func New(log *slog.Logger, dir string) (http.Handler, error) {
	var value atomic.Pointer[[]byte]
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		body := value.Load()
		if body == nil {
			http.Error(w, "there is no value yet: POST one to /", http.StatusNotFound)
			return
		}
		w.Write(*body)
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the body is incomplete or too large", http.StatusBadRequest)
			return
		}
		value.Store(&body)
		log.Info("the value is replaced", "size", len(body))
		io.WriteString(w, "ok")
	})
	return mux, nil
}
