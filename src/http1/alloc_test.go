//go:build !race

package http1_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/request"
)

// TestGetDoesNotAllocate does not run under the race detector, which makes a sync.Pool drop
// some objects.
func TestGetDoesNotAllocate(t *testing.T) {
	h := fixed{Status: http.StatusOK, ETag: `"0123456789abcdef"`, AcceptRanges: "bytes", ContentType: "application/octet-stream", Body: make([]byte, 1<<10)}
	s := http1.New(&h, nopObserver{}, engine.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10})
	const requests = 1000
	perConn := testing.AllocsPerRun(10, func() {
		s.ServeConn(context.Background(), &requestConn{n: requests, request: "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"}, request.Client{})
	})
	if perConn > requests/10 {
		t.Errorf("%v allocations for %d requests", perConn, requests)
	}
}
