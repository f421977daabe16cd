package httpserver

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzOneReading lets net/http read what the Engine has accepted: both must
// see the same request, and the same bytes as what follows it.
func FuzzOneReading(f *testing.F) {
	for _, w := range corpus() {
		if len(w.raw) < 2000 {
			f.Add([]byte(w.raw))
		}
	}
	t := &terms{Settings: Settings{Header: time.Minute, MaxHeader: 4096}}
	server, client := net.Pipe()
	defer server.Close()
	defer client.Close()
	c, now := &conn{Conn: server}, time.Now()
	f.Fuzz(func(tt *testing.T, raw []byte) {
		ours := &workspace{in: bufio.NewReaderSize(bytes.NewReader(raw), t.MaxHeader)}
		if ours.receive(t, c, now) != nil {
			return
		}
		theirs := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+16)
		r, err := http.ReadRequest(theirs)
		if err != nil {
			tt.Fatalf("accepted, and net/http says: %v", err)
		}
		req := &ours.read.req
		if req.Method != r.Method || req.Path != path(r) {
			tt.Errorf("%s %q, net/http: %s %q", req.Method, req.Path, r.Method, r.URL.Path)
		}
		if req.ContentLength != r.ContentLength {
			tt.Errorf("length %d, net/http: %d", req.ContentLength, r.ContentLength)
		}
		if req.Authorization != r.Header.Get("Authorization") || req.Range != r.Header.Get("Range") || req.IfMatch != strings.Join(r.Header["If-Match"], ", ") {
			tt.Errorf("fields differ: %+v, net/http: %v", req, r.Header)
		}
		rest, _ := ours.in.Peek(ours.in.Buffered())
		theirRest, _ := theirs.Peek(theirs.Buffered())
		if len(raw) < t.MaxHeader && !bytes.Equal(rest, theirRest) {
			tt.Errorf("followed by %q, net/http: %q", rest, theirRest)
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
