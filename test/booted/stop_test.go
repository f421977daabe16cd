//go:build testbed

package booted

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// TestStopDrains stops the service during a request, which gets its response before the
// service stops with success.
func TestStopDrains(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "old")
		raw, err := s.Dial(context.Background(), "tcp", "127.0.0.1:8080")
		if err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(raw, &tls.Config{RootCAs: s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "localhost"})
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: 10\r\n\r\n01234", s.bearer()); err != nil {
			t.Fatal(err)
		}
		awaitRequestInFlight(t, s)
		s.Exec(t, "systemctl", "stop", "--no-block", "foobar")
		testbed.Eventually(t, 5*time.Second, func() string {
			state, status := show(t, s.Machine, "ActiveState"), show(t, s.Machine, "StatusText")
			if state != "deactivating" || !strings.Contains(status, "requests in flight") {
				return fmt.Sprintf("ActiveState=%s, status %q", state, status)
			}
			return ""
		})
		if _, err := io.WriteString(conn, "56789"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("the request in flight gets no response: %v", err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); string(text) != "ok" || err != nil || !resp.Close {
			t.Errorf("the request in flight has the response %s %q, close %v, %v", resp.Status, text, resp.Close, err)
		}
		testbed.Eventually(t, 10*time.Second, func() string {
			if state := show(t, s.Machine, "ActiveState"); state != "inactive" {
				return "ActiveState=" + state
			}
			return ""
		})
		expectProperty(t, s.Machine, "Result", "success")
		expectProperty(t, s.Machine, "ExecMainStatus", "0")
		s.Exec(t, "systemctl", "start", "foobar")
		s.expectState(t, "0123456789")
	})
}

// awaitRequestInFlight waits until the service has read the header of a request.
func awaitRequestInFlight(t *testing.T, s *service) {
	t.Helper()
	testbed.Eventually(t, 5*time.Second, func() string {
		text := s.Exec(t, "curl", "-sSf", metrics+"/metrics")
		if !strings.Contains(text, "\n"+`foobar_http_requests_in_flight{listener="https"} 1`+"\n") {
			return "no request in flight"
		}
		return ""
	})
}
