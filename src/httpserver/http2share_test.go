package httpserver

import (
	"net/http"
	"testing"

	"foobar/src/api"
)

// TestHTTP2LeavesRequests checks that requests of HTTP/2 cannot take all of
// limits.requests: a client of HTTP/1.1 is served at once.
func TestHTTP2LeavesRequests(t *testing.T) {
	conf, config := certificate(t)
	settings := longTimeouts()
	settings.Requests = 4
	release, started := make(chan struct{}), make(chan struct{}, 3)
	hold := handlerFunc(func(r *api.Request) api.Response {
		if r.Path == "/held" {
			started <- struct{}{}
			<-release
		}
		return api.Response{Status: http.StatusOK}
	})
	r := start(t, hold, settings, conf)
	http2 := client(t, r, config, protocol{http2: true})
	ended := make(chan error, 3)
	for range 3 {
		go func() {
			resp, err := http2.Get("https://example.com/held")
			if err == nil {
				resp.Body.Close()
			}
			ended <- err
		}()
	}
	for range 3 {
		<-started
	}
	for _, c := range []struct {
		client *http.Client
		want   int
	}{
		{http2, http.StatusServiceUnavailable},
		{client(t, r, config, protocol{}), http.StatusOK},
	} {
		resp, err := c.client.Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", resp.Proto, resp.StatusCode, c.want)
		}
	}
	close(release)
	for range 3 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	resp, err := http2.Get("https://example.com/")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("after the others have ended: %v, %v", resp, err)
	}
}
