package command

import (
	"io"
	"log/slog"
	"net/http"
)

// keepValue is the handler of the program in tests: it reads each request, and has
// nothing to answer.
func keepValue(*slog.Logger, string) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		http.NotFound(w, r)
	}), nil
}
