package http1_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/request"
)

// A requestConn brings the same request n times, one after the other.
type requestConn struct {
	fakeConn
	request string
	n       int
	unread  string
}

func (c *requestConn) ReadFirst(read func() error, _ time.Duration) error {
	if c.n--; c.n < 0 {
		return io.EOF
	}
	c.unread = c.request
	return read()
}

func (c *requestConn) Read(b []byte) (int, error) {
	n := copy(b, c.unread)
	if n == 0 {
		return 0, io.EOF
	}
	c.unread = c.unread[n:]
	return n, nil
}

type nopObserver struct{}

func (nopObserver) RequestStarted(request.Client) bool                { return true }
func (nopObserver) RequestDone(engine.AccessRecord)                   {}
func (nopObserver) RequestRefused(string, error, engine.AccessRecord) {}
func (nopObserver) HandlerPanicked(request.ID, any)                   {}
func (nopObserver) WantsRequestID(string, int) bool                   { return false }

type fixed api.Response

func (f *fixed) Serve(context.Context, *api.Request) api.Response { return api.Response(*f) }

// BenchmarkGet is what the package needs for a GET of 1 KiB, without the
// connection.
func BenchmarkGet(b *testing.B) {
	h := fixed{Status: http.StatusOK, ETag: `"0123456789abcdef"`, AcceptRanges: "bytes", ContentType: "application/octet-stream", Body: make([]byte, 1<<10)}
	s := http1.New(&h, nopObserver{}, engine.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10})
	b.ReportAllocs()
	s.ServeConn(context.Background(), &requestConn{n: b.N, request: "GET / HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"}, request.Client{})
}
