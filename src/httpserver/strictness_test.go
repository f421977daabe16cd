package httpserver

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"foobar/src/api"
)

func TestStrictness(t *testing.T) {
	for _, w := range corpus() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			var whole atomic.Int64 // requests that the handler has seen to their end
			h := handlerFunc(func(r *api.Request) api.Response {
				resp := (&echo{}).Serve(context.Background(), r)
				if resp.Status == http.StatusOK {
					whole.Add(1)
				}
				return resp
			})
			o := sendRaw(t, start(t, h, defaultSettings, nil).addr, w.raw)
			if n := int(whole.Load()); n != w.requests {
				t.Errorf("the handler saw %d requests, want %d", n, w.requests)
			}
			if w.want == serve {
				if len(o.codes) != w.requests || o.codes[len(o.codes)-1] != http.StatusOK {
					t.Errorf("answered %v", o.codes)
				}
				return
			}
			if len(o.codes) != w.requests+1 || o.codes[w.requests] < 400 || !o.closed {
				t.Errorf("answered %v, closed %v, want one refusal and the end", o.codes, o.closed)
			}
		})
	}
}

// TestRefusalsSayWhy wants each response to name the fault, with the status that RFC 9110
// and 9112 define for it.
func TestRefusalsSayWhy(t *testing.T) {
	addr := start(t, &echo{}, defaultSettings, nil).addr
	for _, c := range []struct {
		raw    string
		status int
		text   string
	}{
		{post("Transfer-Encoding: gzip, chunked\r\n", ""), 501, "transfer coding"},
		{post(chunked+chunked, ""), 501, "transfer coding"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"},
		{get("Expect: a\r\n"), 417, "Expect"},
		{get("Range: a\r\nRange: b\r\n"), 400, "Range"},
		{get("X: a\n"), 400, "CRLF"},
		{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "Host"},
		{"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{post("Content-Length: x\r\n", ""), 400, "Content-Length"},
		{get("X: " + strings.Repeat("a", 20<<10) + "\r\n"), 431, "limits.header"},
		{get(strings.Repeat("a:\r\n", 600)), 431, "lines"},
	} {
		resp := firstResponse(t, addr, c.raw)
		if text := read(t, resp); resp.StatusCode != c.status || !strings.Contains(text, c.text) || !resp.Close {
			t.Errorf("%.60q is answered with %d %q, close %v", c.raw, resp.StatusCode, text, resp.Close)
		}
	}
}
