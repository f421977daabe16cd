package httpserver

import (
	"context"
	"net"
	"net/http"
	"testing"

	"foobar/src/api"
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
