package http1_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/http1"
)

// A recordingConn keeps what is written.
type recordingConn struct {
	requestConn
	bytes.Buffer
}

func (c *recordingConn) Write(b []byte) (int, error) { return c.Buffer.Write(b) }
func (c *recordingConn) Read(b []byte) (int, error)  { return 0, nil }

func answer(h api.Service, request string) string {
	c := &recordingConn{requestConn: requestConn{request: request, n: 1}}
	settings := http1.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10}
	http1.New(h, nopObserver{}, settings).ServeConn(context.Background(), c, api.Client{})
	return c.String()
}

// TestFieldsCannotBeForged has a handler put a client's line break into a field.
func TestFieldsCannotBeForged(t *testing.T) {
	for _, value := range []string{"a\r\nSet-Cookie: b", "a\nSet-Cookie: b", "a\rSet-Cookie: b"} {
		h := fixed{Status: http.StatusOK, ContentType: value}
		got := answer(&h, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if strings.Contains(got, "Set-Cookie") || !strings.Contains(got, "\r\nContent-Type: a\r\n") {
			t.Errorf("%q is sent as %q", value, got)
		}
	}
}
