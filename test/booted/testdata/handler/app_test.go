package app

import (
	"log/slog"
	"net/http/httptest"
	"testing"
)

// TestNew counts on after a restart.
func TestNew(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []string{"hello, number 1\n", "hello, number 2\n"} {
		h, err := New(slog.New(slog.DiscardHandler), dir)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Body.String() != want {
			t.Errorf("%d %q, want %q", w.Code, w.Body, want)
		}
	}
}
