package service

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// startMutual runs a service with a client-ca credential.
func startMutual(t *testing.T, conf string, a *authority) *instance {
	t.Helper()
	i := newInstance(t, conf)
	i.write("client-ca", a.pem())
	i.run()
	i.message("READY=1")
	return i
}

// holder returns a client that sends a certificate, whatever the service asks
// for.
func (i *instance) holder(h2 bool, cert tls.Certificate) *http.Client {
	i.t.Helper()
	c := i.client(h2)
	c.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &cert, nil
	}
	return c
}

// outcome returns the status of a request with the token, 0 where there is no
// response.
func (i *instance) outcome(c *http.Client, method, body string) int {
	resp, _, err := i.try(c, method, body)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

func TestAccessByCertificate(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	for _, test := range []struct {
		access        string
		readers       [3]int // without a certificate, with ours, with another's
		withToken     [3]int
		withoutTokens int // with our certificate
	}{
		{"{write: certificate}", [3]int{200, 200, 0}, [3]int{403, 200, 0}, 200},
		{"{write: both}", [3]int{200, 200, 0}, [3]int{403, 200, 0}, 401},
		{"{read: certificate, write: token}", [3]int{403, 200, 0}, [3]int{200, 200, 0}, 401},
		{"{read: certificate, write: certificate}", [3]int{0, 200, 0}, [3]int{0, 200, 0}, 200},
		{"{read: certificate, write: both}", [3]int{0, 200, 0}, [3]int{0, 200, 0}, 401},
		{"{read: certificate, write: nobody}", [3]int{0, 200, 0}, [3]int{0, 403, 0}, 403},
		{"{read: anyone, write: token}", [3]int{200, 200, 200}, [3]int{200, 200, 200}, 401},
	} {
		t.Run(test.access, func(t *testing.T) {
			i := startMutual(t, "access: "+test.access, ours)
			admin := i.administrator()
			resp := must[*http.Response](t)(admin.Post("http://foobar/", "", strings.NewReader("x")))
			resp.Body.Close()
			for _, h2 := range []bool{false, true} {
				clients := []*http.Client{i.client(h2), i.holder(h2, ours.issue(t, "writer")), i.holder(h2, others.issue(t, "writer"))}
				for n, c := range clients {
					if got := i.outcome(c, "GET", ""); got != test.readers[n] {
						t.Errorf("h2 %v, client %d: GET %d, want %d", h2, n, got, test.readers[n])
					}
					if got := i.outcome(c, "POST", "y"); got != test.withToken[n] {
						t.Errorf("h2 %v, client %d: POST %d, want %d", h2, n, got, test.withToken[n])
					}
				}
				resp := must[*http.Response](t)(clients[1].Post("https://"+i.https+"/", "", strings.NewReader("z")))
				resp.Body.Close()
				if resp.StatusCode != test.withoutTokens {
					t.Errorf("h2 %v: POST without a token %d, want %d", h2, resp.StatusCode, test.withoutTokens)
				}
			}
		})
	}
}

// TestHealthByCertificate wants access.health to make the service ask for certificates. No
// value of it permits a client without one where reading and writing need one.
func TestHealthByCertificate(t *testing.T) {
	ours := newAuthority(t, "ours")
	for access, want := range map[string][2]int{ // without a certificate, with one
		"{}":                    {200, 200},
		"{health: certificate}": {403, 200},
		"{health: token}":       {401, 401},
		"{health: nobody}":      {403, 403},
		"{read: certificate, write: certificate}": {0, 200},
	} {
		i := startMutual(t, "access: "+access, ours)
		for n, c := range []*http.Client{i.client(false), i.holder(true, ours.issue(t, "balancer"))} {
			got := 0
			if resp, err := c.Get("https://" + i.https + "/healthz"); err == nil {
				resp.Body.Close()
				got = resp.StatusCode
			}
			if got != want[n] {
				t.Errorf("%s, client %d: %d, want %d", access, n, got, want[n])
			}
		}
	}
}

func TestAccessByCertificateNeedsAuthorities(t *testing.T) {
	const message = "access.write is certificate, and there is no client-ca credential"
	i := newInstance(t, "access: {write: certificate}")
	i.run()
	if err := i.wait(); !isConfigError(err) || !strings.Contains(err.Error(), message) {
		t.Errorf("error %v", err)
	}

	i = start(t, "")
	i.write("conf.yaml", "access: {write: certificate}")
	if m := i.reloaded(); !strings.Contains(m, "RELOAD REJECTED") || !strings.Contains(m, message) {
		t.Errorf("reload: %q", m)
	}
	if got := i.outcome(i.client(false), "POST", "x"); got != 200 {
		t.Errorf("after the rejected reload: %d", got)
	}
}

// exchange sends one request on a connection and returns the status.
func exchange(c *tls.Conn, method string) (int, error) {
	if _, err := fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: foobar.example\r\nContent-Length: 0\r\n\r\n", method); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// TestReplacedAuthorityEndsTrust replaces the authority of client certificates. Session
// tickets and open connections of clients of the old one are no longer trusted.
func TestReplacedAuthorityEndsTrust(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
			i := startMutual(t, "access: {write: certificate}", ours)
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(i.read("cert")))
			writer := ours.issue(t, "writer")
			conf := &tls.Config{RootCAs: roots, ServerName: "foobar.example", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1),
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &writer, nil }}
			connect := func() (*tls.Conn, int, error) {
				c, err := tls.Dial("tcp", i.https, conf)
				if err != nil {
					return nil, 0, err
				}
				t.Cleanup(func() { c.Close() })
				c.SetDeadline(time.Now().Add(20 * time.Second))
				status, err := exchange(c, "POST")
				return c, status, err
			}
			open, status, err := connect()
			if status != 200 {
				t.Fatalf("first connection: %d, %v", status, err)
			}
			resumed, status, err := connect()
			if status != 200 || !resumed.ConnectionState().DidResume {
				t.Fatalf("second connection: %d, %v; it must be resumed for this test to tell anything", status, err)
			}

			i.write("client-ca", others.pem())
			i.reloaded()
			if _, status, err := connect(); err == nil {
				t.Errorf("with a ticket of the old authority: %d", status)
			} else if !strings.Contains(err.Error(), "remote error: tls: ") {
				t.Errorf("with a ticket of the old authority: %v", err)
			}
			if status, err := exchange(open, "POST"); status != 403 {
				t.Errorf("on the open connection: %d, %v", status, err)
			}
			if status, err := exchange(resumed, "GET"); status != 200 {
				t.Errorf("what anyone may, on the other open connection: %d, %v", status, err)
			}

			i.write("client-ca", others.pem()+ours.pem())
			i.reloaded()
			if _, status, err := connect(); status != 200 {
				t.Errorf("with both authorities: %d, %v", status, err)
			}
		})
	}
}

// TestClientsReconnectWithACertificate makes the service ask for certificates. A client
// with an open connection is asked to reconnect, and then sends a certificate.
func TestClientsReconnectWithACertificate(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		ours := newAuthority(t, "ours")
		i := startMutual(t, "", ours)
		c := i.holder(h2, ours.issue(t, "writer"))
		if got := i.outcome(c, "POST", "x"); got != 200 {
			t.Fatalf("by the token: %d", got)
		}
		i.write("conf.yaml", "access: {write: both}")
		if m := i.reloaded(); strings.Contains(m, "REJECTED") {
			t.Fatal(m)
		}
		eventually(t, "a new connection brings the certificate", func() bool { return i.outcome(c, "POST", "y") == 200 })
	}
}
