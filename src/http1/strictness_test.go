package http1_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestStrictness(t *testing.T) {
	for _, w := range corpus() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			h := &echo{}
			o := sendRaw(t, start(t, h, true), w.raw)
			if seen := h.requests(); len(seen) != w.requests {
				t.Errorf("the handler saw %v, want %d requests", seen, w.requests)
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

// TestRefusalsSayWhy has the response name what is wrong, with the status that RFC
// 9110 and 9112 have for it.
func TestRefusalsSayWhy(t *testing.T) {
	for _, c := range []struct {
		raw    string
		status int
		text   string
	}{
		{post("Transfer-Encoding: gzip, chunked\r\n", ""), 501, "transfer coding"},
		{post(chunks+chunks, ""), 501, "transfer coding"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"},
		{get("Expect: a\r\n"), 417, "Expect"},
		{get("Range: a\r\nRange: b\r\n"), 400, "Range"},
		{get("X: a\n"), 400, "CRLF"},
		{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "Host"},
		{"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
		{post("Content-Length: x\r\n", ""), 400, "Content-Length"},
	} {
		got := answer(&fixed{Status: http.StatusOK}, c.raw)
		if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || !strings.Contains(got, c.text) || !strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("%.60q is answered with %q", c.raw, got)
		}
	}
}
