package httpserver

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/src/metrics"

	"go.uber.org/zap"
)

// startDebug is start with a log at level debug.
func startDebug(t *testing.T, s Settings, conf *TLSOptions) *running {
	t.Helper()
	debug := observed(zap.DebugLevel)
	e := startWith(t, &echo{}, s, conf, func(l net.Listener, o *Options) net.Listener {
		o.Log = debug.Logger
		return l
	})
	e.log = debug
	return e
}

// expectRefusal waits for an entry that names the reason, the cause and the client.
func (r *running) expectRefusal(t *testing.T, reason, cause string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, entry := range r.log.FilterMessage("refused").All() {
			fields := entry.ContextMap()
			from, _ := fields["remote_address"].(string)
			if fields["reason"] == reason && strings.Contains(fmt.Sprint(fields["error"]), cause) && strings.HasPrefix(from, "127.0.0.1:") {
				return
			}
		}
	}
	t.Errorf("no entry says %s, %s: %v", reason, cause, r.log.All())
}

// TestPlainHTTPOnTLS has a client leave out the s of https.
func TestPlainHTTPOnTLS(t *testing.T) {
	server, _ := certificate(t)
	e := startDebug(t, longTimeouts(), server)
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
		c := dial(t, e.addr)
		go fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n%s", method, strings.Repeat("x", 300_000))
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil || resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Date") == "" || !resp.Close {
			t.Fatalf("%s: %v, %v", method, resp, err)
		}
		text, err := io.ReadAll(resp.Body)
		if strings.Contains(string(text), "https://") != (method != "HEAD") || err != nil {
			t.Errorf("%s: %q, %v", method, text, err)
		}
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("%s: after the response: %q, %v", method, rest, err)
		}
	}
	e.expectRefusal(t, reasonHandshake, "does not look like a TLS handshake")
}

// TestAlertArrives has clients whose certificate is refused send a request before
// they read: closed with bytes unread, the connection would be reset, and many
// clients would report that in the place of TLS's alert.
func TestAlertArrives(t *testing.T) {
	_, pool := clientCertificate(t, nil)
	for name, c := range map[string]struct {
		change       func(*x509.Certificate)
		alert, cause string
	}{
		"expired": {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, "expired certificate", "certificate has expired"},
		"unknown": {nil, "unknown certificate authority", "unknown authority"},
		"unfit":   {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "bad certificate", "incompatible key usage"},
	} {
		t.Run(name, func(t *testing.T) {
			own, cas := clientCertificate(t, c.change)
			if name == "unknown" {
				cas = pool
			}
			server, conf := certificate(t)
			server.ClientCAs = func() (*x509.CertPool, tls.ClientAuthType) { return cas, tls.RequireAndVerifyClientCert }
			e := startDebug(t, longTimeouts(), server)
			conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
			for range 20 {
				conn, err := tls.Dial("tcp", e.addr, conf)
				if err != nil {
					t.Fatal(err)
				}
				_, writeErr := io.WriteString(conn, post("Content-Length: 3000000\r\n", strings.Repeat("x", 3_000_000)))
				if _, err = conn.Read(make([]byte, 1)); writeErr != nil || err == nil || !strings.Contains(err.Error(), c.alert) {
					t.Fatalf("the client gets %v, want %s; sent: %v", err, c.alert, writeErr)
				}
				conn.Close()
			}
			e.expectRefusal(t, reasonHandshake, c.cause)
		})
	}
}

// TestRefusalsAreLogged wants the reason of each refusal in the log.
func TestRefusalsAreLogged(t *testing.T) {
	full := longTimeouts()
	full.PerAddress = 1
	e := startDebug(t, full, nil)
	first := dial(t, e.addr)
	io.WriteString(first, get(""))
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	dial(t, e.addr)
	e.expectRefusal(t, "per_address", "limits.per_address")

	e = startDebug(t, longTimeouts(), nil)
	c := dial(t, e.addr)
	io.WriteString(c, get("Content-Length: a\r\n"))
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	e.expectRefusal(t, "malformed", "Content-Length")
	c = dial(t, e.addr)
	io.WriteString(c, "GET / HT")
	c.Close()
	e.expectRefusal(t, "gone", "EOF")
}

// TestCrowdedClientsAreLogged checks that clients which hold all that the limits
// allow are logged, once in warnInterval, and refusals of another kind are not.
func TestCrowdedClientsAreLogged(t *testing.T) {
	entries := observed(zap.WarnLevel)
	o := &observer{log: entries.Logger, metrics: metrics.New("test").Listener("https")}
	o.refused(reasonHandshake, io.EOF, nil)
	for range 3 {
		o.refused(reasonEvicted, errEvicted, nil)
	}
	if n := entries.Len(); n != 1 {
		t.Errorf("%d entries, want 1: %v", n, entries.All())
	}
	o.warnCrowded(reasonEvicted, o.nextWarning.Load())
	if n := entries.Len(); n != 2 {
		t.Errorf("%d entries after warnInterval, want 2: %v", n, entries.All())
	}
}
