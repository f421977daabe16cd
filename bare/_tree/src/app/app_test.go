package app

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNew sends the requests that the handler knows, and one that it does not.
func TestNew(t *testing.T) {
	h, err := New(slog.New(slog.DiscardHandler), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 404, "there is no value yet: POST one to /\n"},
		{"POST", "/", "hello", 200, "ok"},
		{"GET", "/", "", 200, "hello"},
		{"GET", "/other", "", 404, "404 page not found\n"},
		{"DELETE", "/", "", 405, "Method Not Allowed\n"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(step.method, step.path, strings.NewReader(step.body)))
		if w.Code != step.status || w.Body.String() != step.want {
			t.Errorf("%s %s: %d %q, want %d %q", step.method, step.path, w.Code, w.Body, step.status, step.want)
		}
	}
}
