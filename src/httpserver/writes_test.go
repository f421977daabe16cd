package httpserver

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// writes are requests that replace the state "kept", and requests that could be
// taken for one and must not be.
var writes = []struct {
	name, fields, body string
	http10, http11     int
	accept             string // Accept-Encoding of the response
}{
	{name: "If-Match empty", fields: "If-Match:\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "If-Match without quotation marks", fields: "If-Match: a\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "If-Match empty and not", fields: "If-Match:\r\nIf-Match: \"a\"\r\nContent-Length: 1\r\n", body: "x", http10: 412, http11: 412},
	{name: "If-None-Match empty", fields: "If-None-Match:\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "If-None-Match malformed", fields: "If-None-Match: \"a\" b\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "Content-Range", fields: "Content-Range: bytes 0-0/5\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "Content-Range empty", fields: "Content-Range:\r\nContent-Length: 1\r\n", body: "x", http10: 400, http11: 400},
	{name: "gzip", fields: "Content-Encoding: gzip\r\nContent-Length: 1\r\n", body: "x", http10: 415, http11: 415, accept: "identity"},
	{name: "identity and gzip", fields: "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n", body: "x", http10: 415, http11: 415, accept: "identity"},
	{name: "identity", fields: "Content-Encoding: Identity\r\nContent-Length: 4\r\n", body: "kept", http10: 200, http11: 200},
	{name: "no length", http10: 400, http11: 411},
	{name: "no body in chunks", fields: chunked, body: "0\r\n\r\n", http10: 400, http11: 200},
	{name: "no body and its length", fields: "Content-Length: 0\r\n", http10: 200, http11: 200},
}

// TestWritesThatAreNotWhole sends writes to each engine. Those whose condition, body or
// length is unclear are refused, and the others are stored.
func TestWritesThatAreNotWhole(t *testing.T) {
	a, token := newAPI(t)
	onHTTP1(t, func(t *testing.T, g protocol) {
		addr := start(t, a, g.settings(defaultSettings), nil).addr
		for _, w := range writes {
			for version, want := range map[string]int{"HTTP/1.0": w.http10, "HTTP/1.1": w.http11} {
				for _, method := range []string{"POST", "PUT"} {
					text := func(fields, body string) string {
						return fmt.Sprintf("%s / %s\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s\r\n%s", method, version, token, fields, body)
					}
					sendRaw(t, addr, text("Connection: close\r\nContent-Length: 4\r\n", "kept"))
					resp := firstResponse(t, addr, text("Connection: close\r\n"+w.fields, w.body))
					if resp.StatusCode != want || resp.Header.Get("Accept-Encoding") != w.accept {
						t.Errorf("%s, %s %s: %d, Accept-Encoding %q, want %d", w.name, method, version, resp.StatusCode, resp.Header["Accept-Encoding"], want)
					}
					if want >= 400 {
						if state := read(t, firstResponse(t, addr, get("Connection: close\r\n"))); state != "kept" {
							t.Errorf("%s, %s %s: the state is %q", w.name, method, version, state)
						}
					}
				}
			}
		}
	})
}

// firstResponse sends raw and returns the first response.
func firstResponse(t *testing.T, addr, raw string) *http.Response {
	t.Helper()
	c := dial(t, addr)
	io.WriteString(c, raw)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestStreamWithoutBody ends streams with their header section. Only a stream with a
// Content-Length of 0 stores an empty state.
func TestStreamWithoutBody(t *testing.T) {
	a, token := newAPI(t)
	server, conf := certificate(t)
	c := dialHTTP2(t, start(t, a, defaultSettings, server), conf)
	authorization := []string{"authorization", "Bearer " + token}
	for i, w := range []struct {
		fields []string
		body   string
		data   bool
		status int
	}{
		{nil, "x", true, 200},
		{nil, "", false, 411},
		{[]string{"if-match", ""}, "x", true, 400},
		{[]string{"content-range", "bytes 0-0/2"}, "x", true, 400},
		{[]string{"content-encoding", "br"}, "x", true, 415},
		{[]string{"content-length", "0"}, "", false, 200},
		{nil, "", true, 200},
	} {
		id := uint32(2*i + 1)
		c.request(id, "POST", !w.data, append(authorization, w.fields...)...)
		if w.data {
			c.WriteData(id, true, []byte(w.body))
		}
		c.expect(t, fmt.Sprintf("%d: %d", id, w.status))
	}
}
