package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"foobar/src/http1"
)

// FuzzOneReading lets net/http read what package http1 has accepted: both must
// see the same request, and the same bytes as what follows it.
func FuzzOneReading(f *testing.F) {
	for _, w := range corpus() {
		if len(w.raw) < 2000 {
			f.Add([]byte(w.raw))
		}
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
		if req.Authorization != r.Header.Get("Authorization") || req.Range != r.Header.Get("Range") ||
			req.IfMatch.Value != strings.Join(r.Header["If-Match"], ", ") || req.IfMatch.Present != (r.Header["If-Match"] != nil) {
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

// path is "/" for an absolute form without one.
func path(r *http.Request) string {
	if r.URL.Path == "" {
		return "/"
	}
	return r.URL.Path
}
