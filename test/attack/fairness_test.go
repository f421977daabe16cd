//go:build attack

package attack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

const (
	// crowdConns is how many connections of one address begin again and again: many
	// more than there is room for.
	crowdConns = 16
	// fairRequests is how many requests of another address have to get through.
	fairRequests = 40
	// fairSize is the size of each body, in bytes.
	fairSize = 1 << 20
)

// startCrowd starts requests of one address that end before they are a second old.
func startCrowd(t *testing.T, s *Service, protocol string, hold func(context.Context, *Conn)) {
	a := Attack{Protocol: protocol, Connections: crowdConns, Addresses: 1, Repeat: true, Hold: func(ctx context.Context, c *Conn) {
		hold(ctx, c)
		pause(ctx, resetTime)
	}}
	r := a.Start(s.Target)
	t.Cleanup(func() { r.Stop() })
}

// wantCrowded calls request until the crowd has used up a limit, and then as often as
// is needed to see that it keeps nobody out.
func wantCrowded(t *testing.T, s *Service, request func() error) {
	t.Helper()
	var failures error
	if err := Poll(countTimeout, func() error {
		failures = errors.Join(failures, request())
		refused := metric(t, s, "foobar_http_requests_total", "code", "503")
		if refused+metric(t, s, "foobar_http_requests_refused_total", "reason", "versions") == 0 {
			return errors.New("the crowd does not use up the limit")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for range fairRequests {
		failures = errors.Join(failures, request())
	}
	if failures != nil {
		t.Error(failures)
	}
}

// TestYoungUploads checks that an address whose uploads use up limits.uploads, and are
// always younger than a second, keeps no other address from writing.
func TestYoungUploads(t *testing.T) {
	t.Parallel()
	s := startService(t, "limits: {state: 1MiB, uploads: 4MiB}\n")
	startCrowd(t, s, "http/1.1", func(_ context.Context, c *Conn) {
		c.sendPut(fmt.Sprint("Content-Length: ", fairSize))
		c.send(strings.Repeat("x", fairSize-1))
	})
	wantCrowded(t, s, func() error { return Put("https://"+s.Address, s.Token, fairSize) })
}

// TestYoungReads checks the same of an address that reads each new version of the state.
func TestYoungReads(t *testing.T) {
	t.Parallel()
	s := startService(t, "limits: {state: 1MiB}\n")
	startCrowd(t, s, "h2", func(_ context.Context, c *Conn) {
		h := c.startHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		go c.readToEnd()
		h.request("GET")
	})
	client := http.Client{Timeout: clientTimeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	wantCrowded(t, s, func() error {
		if err := Put("https://"+s.Address, s.Token, fairSize); err != nil {
			return err
		}
		resp, err := client.Get("https://" + s.Address)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET: status %d, %v", resp.StatusCode, err)
		}
		return nil
	})
}
