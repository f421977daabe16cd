package httpserver

import (
	"context"
	"net/http/httptest"
	"testing"
)

func TestMustReconnect(t *testing.T) {
	for _, c := range []struct {
		name                         string
		retired, draining, announced bool
		major                        int
		want                         bool
	}{
		{"serving", false, false, false, 2, false},
		{"old settings", true, false, false, 2, true},
		{"old settings, HTTP/1.1", true, false, false, 1, true},
		{"drain", false, true, true, 2, true},
		{"drain, HTTP/1.1", false, true, true, 1, true},
		{"new in a drain", false, true, false, 2, false},
		{"new in a drain, HTTP/1.1", false, true, false, 1, true},
	} {
		n := &netHTTP{server: &Server{}}
		n.retired.Store(c.retired)
		n.server.draining.Store(c.draining)
		transport := &conn{}
		transport.announced.Store(c.announced)
		r := httptest.NewRequest("GET", "/", nil)
		r.ProtoMajor = c.major
		if got := n.mustReconnect(r.WithContext(context.WithValue(r.Context(), connKey{}, transport))); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
