package service

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
)

// TestReloadAppliesHTTPSettings changes the engine and the protocols of new
// connections.
func TestReloadAppliesHTTPSettings(t *testing.T) {
	i := start(t, "http: {fast_path: true}\n")
	// refusal returns how a malformed request is answered: each engine has its
	// own words.
	refusal := func(c *tls.Conn) string {
		t.Helper()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost : a\r\n\r\n")
		return string(must[[]byte](t)(io.ReadAll(c)))
	}
	negotiated := func() string {
		t.Helper()
		conf := i.tlsConfig()
		conf.NextProtos = []string{"h2", "http/1.1"}
		c := must[*tls.Conn](t)(tls.Dial("tcp", i.https, conf))
		defer c.Close()
		return c.ConnectionState().NegotiatedProtocol
	}
	const ours = "malformed or ambiguous"
	open := i.dial()
	if got := refusal(i.dial()); !strings.Contains(got, ours) {
		t.Errorf("the fast path answers %q", got)
	}
	if got := negotiated(); got != "http/1.1" {
		t.Errorf("by default a client of both gets %s", got)
	}
	i.write("conf.yaml", "http: {fast_path: false, protocols: [h2, http/1.1]}\n")
	if m := i.reloaded(); strings.Contains(m, "REJECTED") {
		t.Fatal(m)
	}
	if got := refusal(i.dial()); strings.Contains(got, ours) || !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("without the fast path %q", got)
	}
	if got := negotiated(); got != "h2" {
		t.Errorf("with h2 first a client of both gets %s", got)
	}
	if got := refusal(open); !strings.Contains(got, ours) {
		t.Errorf("an open connection answers %q", got)
	}
}
