package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"foobar/src/api"
	"foobar/src/http1"
)

// FuzzOneReading lets net/http read what package http1 has accepted: both must
// see the same request, and the same bytes as what follows it.
func FuzzOneReading(f *testing.F) {
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\r\nRange:\r\nIf-Range:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a:80/?b HTTP/1.1\r\nHost: a\r\nIf-Match: \"a\"\r\nIf-Match: *\r\nRange: bytes=0-1\r\nAuthorization: Bearer a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
		"POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: a\r\n\r\nGET",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n\r\n5 \r\nhello\r\n0 ;\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nConnection: keep-alive, close\r\nX: \ta \r\n b\r\n\r\n",
		"\r\nPUT /%41 HTTP/1.1\nHost : a\r\nContent-Length: 1, 1\r\n\r\na",
	} {
		f.Add([]byte(raw))
	}
	const maxHeader = 4096
	f.Fuzz(func(t *testing.T, raw []byte) {
		req, rest, err := http1.ParseForTest(&fakeConn{}, raw, maxHeader)
		if err != nil {
			return
		}
		theirs := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+16)
		r, err := http.ReadRequest(theirs)
		if err != nil {
			t.Fatalf("accepted, and net/http says: %v", err)
		}
		if req.Method != r.Method || req.Path != path(r) {
			t.Errorf("%s %q, net/http: %s %q", req.Method, req.Path, r.Method, r.URL.Path)
		}
		unknown := r.ContentLength == 0 && r.Header["Content-Length"] == nil
		if req.ContentLength != r.ContentLength || req.NoLength != unknown {
			t.Errorf("length %d, unknown %v, net/http: %d, unknown %v", req.ContentLength, req.NoLength, r.ContentLength, unknown)
		}
		if !sameField(req.Authorization, r.Header["Authorization"]) || !sameField(req.Range, r.Header["Range"]) ||
			!sameField(req.IfRange, r.Header["If-Range"]) || !sameField(req.IfMatch, r.Header["If-Match"]) {
			t.Errorf("fields differ: %+v, net/http: %v", req, r.Header)
		}
		theirRest, _ := theirs.Peek(theirs.Buffered())
		if len(raw) < maxHeader && !bytes.Equal(rest, theirRest) {
			t.Errorf("followed by %q, net/http: %q", rest, theirRest)
		}
		body, err := io.ReadAll(req.Body)
		theirBody, theirErr := io.ReadAll(r.Body)
		onlyOurs := bytes.Contains(rest, []byte(" ;")) || bytes.Contains(rest, []byte("\t;")) // white space before a chunk extension
		if err == nil && !onlyOurs && (theirErr != nil || !bytes.Equal(body, theirBody)) {
			t.Errorf("the body is %q, net/http: %q, %v", body, theirBody, theirErr)
		}
	})
}

// sameField reports whether a field has these lines in net/http.
func sameField(f api.Field, lines []string) bool {
	return f.Present == (lines != nil) && f.Value == strings.Join(lines, ", ")
}

// path is "/" for an absolute form without one.
func path(r *http.Request) string {
	if r.URL.Path == "" {
		return "/"
	}
	return r.URL.Path
}
