package http1_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/request"
)

// A recordingConn keeps what is written.
type recordingConn struct {
	requestConn
	bytes.Buffer
}

func (c *recordingConn) Write(b []byte) (int, error) { return c.Buffer.Write(b) }
func (c *recordingConn) Read(b []byte) (int, error)  { return c.requestConn.Read(b) }

func answer(h api.Service, raw string) string {
	c := &recordingConn{requestConn: requestConn{request: raw, n: 1}}
	settings := engine.Settings{Header: time.Minute, Body: time.Minute, Response: time.Minute, Idle: time.Minute, MaxHeader: 16 << 10}
	http1.New(h, nopObserver{}, settings).ServeConn(context.Background(), c, request.Client{})
	return c.String()
}

// TestFieldsCannotBeForged lets a handler put a client's line break into a field.
func TestFieldsCannotBeForged(t *testing.T) {
	for _, value := range []string{"a\r\nSet-Cookie: b", "a\nSet-Cookie: b", "a\rSet-Cookie: b"} {
		h := fixed{Status: http.StatusOK, ContentType: value}
		got := answer(&h, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if strings.Contains(got, "Set-Cookie") || !strings.Contains(got, "\r\nContent-Type: a\r\n") {
			t.Errorf("%q is sent as %q", value, got)
		}
	}
}

// TestDateIsOfTheResponse wants the Date of the end of a handler that takes an hour.
func TestDateIsOfTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := answer(slow{}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if want := "\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n"; !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

type slow struct{}

func (slow) Serve(context.Context, *api.Request) api.Response {
	time.Sleep(time.Hour)
	return api.Response{Status: http.StatusOK}
}

// TestConnectionField wants the field Connection to state whether the connection stays
// open, RFC 9112, section 9.3.
func TestConnectionField(t *testing.T) {
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                                     "",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n":                "close",
		"GET / HTTP/1.0\r\n\r\n":                                                "close",
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n":                      "keep-alive",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n": "close",
	} {
		got := answer(&fixed{Status: http.StatusOK}, request)
		if field := "\r\nConnection: " + want + "\r\n"; strings.Contains(got, "\r\nConnection: ") != (want != "") || want != "" && !strings.Contains(got, field) {
			t.Errorf("%q is answered with %q", request, got)
		}
	}
}
