package http1_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/request"
)

// A splitConn receives one byte at a time, as a client can send them in records or
// segments of their own.
type splitConn struct {
	recordingConn
}

func (c *splitConn) ReadFirst(read func() error, _ time.Duration) error { return read() }

func (c *splitConn) Read(b []byte) (int, error) {
	n := copy(b[:1], c.unread)
	if n == 0 {
		return 0, io.EOF
	}
	c.unread = c.unread[n:]
	return n, nil
}

// TestBytesOfTheirOwn wants the same responses whatever the bytes arrive in.
func TestBytesOfTheirOwn(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for raw, want := range map[string][]string{
		get:                       {"200"},
		"\r\n" + get:              {"200"},
		get + "\r\n" + get:        {"200", "200"},
		"\r\n\r\n" + get:          {"400"},
		"\r" + get:                {"400"},
		"\n" + get:                {"400"},
		"\r\n":                    {},
		get + "\r\n":              {"200"},
		"\r\n" + get + "\r" + get: {"200", "400"},
	} {
		c := &splitConn{recordingConn{requestConn: requestConn{unread: raw}}}
		settings := engine.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10}
		http1.New(&fixed{Status: http.StatusOK}, nopObserver{}, settings).ServeConn(context.Background(), c, request.Client{})
		var got []string
		for _, response := range strings.Split(c.String(), "HTTP/1.1 ")[1:] {
			got = append(got, response[:3])
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q is answered with %q, want %q", raw, got, want)
		}
	}
}
