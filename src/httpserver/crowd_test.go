package httpserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/connlimit"
)

// TestYoungRequestsOfOneAddress checks that the requests of one address, none of which
// has taken a second, do not keep another address out.
func TestYoungRequestsOfOneAddress(t *testing.T) {
	conf, config := certificate(t)
	onEachEngine(t, func(t *testing.T, e protocol) {
		settings := e.settings(longTimeouts())
		settings.Requests = 8
		limit := settings.Requests
		if e.http2 {
			limit = settings.Requests * http2Requests / 4
		}
		release, started := make(chan struct{}), make(chan struct{}, limit)
		r := start(t, handlerFunc(func(r *api.Request) api.Response {
			if r.Path == "/held" {
				started <- struct{}{}
				<-release
			}
			return api.Response{Status: http.StatusOK}
		}), settings, conf)
		crowd, other := client(t, r, config, e), client(t, r, config, e)
		other.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
			return d.DialContext(ctx, network, r.addr)
		}
		ended := make(chan error, limit)
		for range limit {
			go func() {
				resp, err := crowd.Get("https://example.com/held")
				if err == nil {
					resp.Body.Close()
				}
				ended <- err
			}()
		}
		for range limit {
			<-started
		}
		resp, err := other.Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, want 200", resp.Proto, resp.StatusCode)
		}
		if err := <-ended; err == nil {
			t.Error("no request of the crowd was closed")
		}
		close(release)
	})
}

// TestDiscardedBodyIsNoRequest checks that a connection whose last response has been sent
// counts as one without a request while the rest of the body is discarded. Closed to make
// room for a request, it would make none.
func TestDiscardedBodyIsNoRequest(t *testing.T) {
	settings := longTimeouts()
	r := start(t, handlerFunc(func(*api.Request) api.Response {
		return api.Response{Status: http.StatusUnauthorized, Close: true}
	}), settings, nil)
	c := dial(t, r.addr)
	io.WriteString(c, post("Content-Length: 1000000\r\n", "x"))
	defer dribble(c)()
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	phase := connlimit.Active
	for deadline := time.Now().Add(5 * time.Second); phase != connlimit.Header && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, open := range r.conns.All() {
			phase = open.Wait().Phase
		}
	}
	if phase != connlimit.Header {
		t.Errorf("the phase is %v, want %v", phase, connlimit.Header)
	}
}

// TestUnreadResponseIsNoRequest checks the same for an HTTP/2 connection whose responses
// wait for the client, and whose handlers have returned.
func TestUnreadResponseIsNoRequest(t *testing.T) {
	s := &Server{}
	s.quotas = newQuotas(&s.conns)
	s.quotas.setLimits(Settings{Requests: 1})
	unread := &conn{server: s, phase: connlimit.Active}
	unread.http2.Store(true)
	newcomer := &conn{server: s}
	s.conns.Add(unread)
	s.quotas.requests.Acquire(newcomer)
	if got := s.quotas.requests.Acquire(newcomer); got != connlimit.Conn(newcomer) {
		t.Error("the connection is closed to make room for a request")
	}
	unread.streams.Add(1)
	s.quotas = newQuotas(&s.conns) // which has not searched yet
	s.quotas.setLimits(Settings{Requests: 1})
	s.quotas.requests.Acquire(newcomer)
	if got := s.quotas.requests.Acquire(newcomer); got != connlimit.Conn(unread) {
		t.Error("the connection with a slow request is kept")
	}
}
