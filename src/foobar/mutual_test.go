package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An authority vouches for clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return &authority{must[*x509.Certificate](t)(x509.ParseCertificate(der)), key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// issue makes the certificate and key of a client.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// startMutual runs foobar with a client-ca credential.
func startMutual(t *testing.T, conf string, a *authority) *process {
	t.Helper()
	p := prepare(t, conf)
	p.write("client-ca", a.pem())
	p.spawn()
	p.message("READY=1")
	return p
}

// holder is a client that shows a certificate, whatever it is asked for.
func (p *process) holder(h2 bool, cert tls.Certificate) *http.Client {
	p.t.Helper()
	c := p.client(h2)
	c.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &cert, nil
	}
	return c
}

// outcome is the status of a request with the token, 0 where there is no
// answer.
func (p *process) outcome(c *http.Client, method, body string) int {
	resp, _, err := p.try(c, method, body)
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
			p := startMutual(t, "access: "+test.access, ours)
			admin := p.administrator()
			resp := must[*http.Response](t)(admin.Post("http://foobar/", "", strings.NewReader("x")))
			resp.Body.Close()
			for _, h2 := range []bool{false, true} {
				clients := []*http.Client{p.client(h2), p.holder(h2, ours.issue(t, "writer")), p.holder(h2, others.issue(t, "writer"))}
				for i, c := range clients {
					if got := p.outcome(c, "GET", ""); got != test.readers[i] {
						t.Errorf("h2 %v, client %d: GET %d, want %d", h2, i, got, test.readers[i])
					}
					if got := p.outcome(c, "POST", "y"); got != test.withToken[i] {
						t.Errorf("h2 %v, client %d: POST %d, want %d", h2, i, got, test.withToken[i])
					}
				}
				resp := must[*http.Response](t)(clients[1].Post("https://"+p.https+"/", "", strings.NewReader("z")))
				resp.Body.Close()
				if resp.StatusCode != test.withoutTokens {
					t.Errorf("h2 %v: POST without a token %d, want %d", h2, resp.StatusCode, test.withoutTokens)
				}
			}
		})
	}
}

func TestAccessByCertificateNeedsAuthorities(t *testing.T) {
	const complaint = "access.write is certificate, and there is no client-ca credential"
	p := prepare(t, "access: {write: certificate}")
	p.spawn()
	if code := p.exit(); code != exitConfig || !strings.Contains(p.log.String(), complaint) {
		t.Errorf("exit status %d", code)
	}

	p = start(t, "")
	p.write("conf.yaml", "access: {write: certificate}")
	p.signal(syscall.SIGHUP)
	if m := p.message("READY=1"); !strings.Contains(m, "RELOAD REJECTED") || !strings.Contains(m, complaint) {
		t.Errorf("reload: %q", m)
	}
	if got := p.outcome(p.client(false), "POST", "x"); got != 200 {
		t.Errorf("after the refused reload: %d", got)
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

// Neither a ticket nor an open connection outlives the authority that vouched
// for its client.
func TestReplacedAuthorityEndsTrust(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
			p := startMutual(t, "access: {write: certificate}", ours)
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(p.read("cert")))
			writer := ours.issue(t, "writer")
			conf := &tls.Config{RootCAs: roots, ServerName: "foobar.example", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1),
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &writer, nil }}
			connect := func() (*tls.Conn, int, error) {
				c, err := tls.Dial("tcp", p.https, conf)
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

			p.write("client-ca", others.pem())
			p.signal(syscall.SIGHUP)
			p.message("READY=1")
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

			p.write("client-ca", others.pem()+ours.pem())
			p.signal(syscall.SIGHUP)
			p.message("READY=1")
			if _, status, err := connect(); status != 200 {
				t.Errorf("with both authorities: %d, %v", status, err)
			}
		})
	}
}

// A connection that came before a certificate was asked for gives way to one
// that brings it.
func TestClientsComeBackToBeAsked(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		ours := newAuthority(t, "ours")
		p := startMutual(t, "", ours)
		c := p.holder(h2, ours.issue(t, "writer"))
		if got := p.outcome(c, "POST", "x"); got != 200 {
			t.Fatalf("by the token: %d", got)
		}
		p.write("conf.yaml", "access: {write: both}")
		p.signal(syscall.SIGHUP)
		if m := p.message("READY=1"); strings.Contains(m, "REJECTED") {
			t.Fatal(m)
		}
		got := 0
		for range 20 { // one request at most on the old connection; HTTP/2's leave-taking is on its way
			if got = p.outcome(c, "POST", "y"); got == 200 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got != 200 {
			t.Errorf("h2 %v: by certificate and token: %d", h2, got)
		}
	}
}

func TestTokensRotateByReload(t *testing.T) {
	p := start(t, "")
	first, c := p.token(), p.client(false)
	post := func(token string) int {
		t.Helper()
		req := must[*http.Request](t)(http.NewRequest("POST", "https://"+p.https+"/", strings.NewReader("x")))
		req.Header.Set("Authorization", "Bearer "+token)
		resp := must[*http.Response](t)(c.Do(req))
		resp.Body.Close()
		return resp.StatusCode
	}
	const second = "the-token-of-tomorrow"
	for _, test := range []struct {
		file        string
		first, then int
	}{
		{first + "\n", 200, 401},
		{"# old\n" + first + "\n# new\n" + second + "\n", 200, 200},
		{second + "\n", 401, 200},
	} {
		p.write("token", test.file)
		p.signal(syscall.SIGHUP)
		p.message("READY=1")
		if a, b := post(first), post(second); a != test.first || b != test.then {
			t.Errorf("%q: %d and %d, want %d and %d", test.file, a, b, test.first, test.then)
		}
	}
}

func TestExpiryIsSaid(t *testing.T) {
	for _, test := range []struct {
		left         time.Duration
		status, said string
	}{
		{30 * 24 * time.Hour, "; certificate valid until ", ""},
		{20*24*time.Hour + time.Hour, "CERTIFICATE EXPIRES IN 20 DAYS, ", "the certificate expires soon"},
		{30*time.Hour + time.Minute, "CERTIFICATE EXPIRES IN 30 HOURS, ", "the certificate expires soon"},
		{-time.Hour, "CERTIFICATE EXPIRED ", "the certificate has expired"},
	} {
		p := prepare(t, "")
		p.makeCertificate(time.Now().Add(test.left))
		p.spawn()
		if m := p.message("READY=1"); !strings.Contains(m, test.status) {
			t.Errorf("%v left: %q", test.left, m)
		}
		_, text := p.scrape("/metrics")
		if !strings.Contains(text, "foobar_tls_certificate_not_after_timestamp_seconds 1.") {
			t.Errorf("%v left: no metric", test.left)
		}
		p.signal(syscall.SIGTERM)
		p.exit() // the log is whole then
		if said := p.log.String(); test.said == "" && strings.Contains(said, "expire") || !strings.Contains(said, test.said) {
			t.Errorf("%v left: the log has\n%s", test.left, said)
		}
	}
}

// makeCertificate replaces the certificate by one of another lifetime.
func (p *process) makeCertificate(notAfter time.Time) {
	p.t.Helper()
	pair := must[tls.Certificate](p.t)(tls.LoadX509KeyPair(filepath.Join(p.dir, "cert"), filepath.Join(p.dir, "key")))
	template := *pair.Leaf
	template.NotBefore, template.NotAfter = notAfter.Add(-365*24*time.Hour), notAfter
	der := must[[]byte](p.t)(x509.CreateCertificate(rand.Reader, &template, &template, pair.Leaf.PublicKey, pair.PrivateKey))
	p.write("cert", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func TestCheckCredentials(t *testing.T) {
	p := prepare(t, "access: {write: certificate}")
	files := []string{"-cert", p.dir + "/cert", "-key", p.dir + "/key", "-token", p.dir + "/token", "-client-ca", p.dir + "/client-ca"}
	check := func(more ...string) (int, string, string) {
		stdout, stderr := must[*os.File](t)(os.CreateTemp(t.TempDir(), "")), must[*os.File](t)(os.CreateTemp(t.TempDir(), ""))
		code := run(append(append([]string{"check-credentials"}, files...), more...), environment{getenv: func(string) string { return "" }, stdout: stdout, stderr: stderr})
		return code, string(must[[]byte](t)(os.ReadFile(stdout.Name()))), string(must[[]byte](t)(os.ReadFile(stderr.Name())))
	}
	code, out, _ := check()
	if code != 0 || !strings.Contains(out, "CN=foobar.example: certificate valid until ") {
		t.Errorf("%d %q", code, out)
	}
	if code, _, said := check("-config", p.dir+"/conf.yaml"); code != exitConfig || !strings.Contains(said, "access.write is certificate") {
		t.Errorf("at odds with conf.yaml: %d %q", code, said)
	}
	p.write("client-ca", newAuthority(t, "ours").pem())
	if code, again, _ := check("-config", p.dir+"/conf.yaml"); code != 0 || again == out {
		t.Errorf("with client-ca: %d, the same fingerprint %v", code, again == out)
	}
	p.write("key", p.read("cert"))
	if code, _, said := check(); code != exitConfig || !strings.Contains(said, "certificate "+p.dir) {
		t.Errorf("bad pair: %d %q", code, said)
	}
	files = files[:2]
	if code, _, said := check(); code != exitConfig || !strings.Contains(said, "-cert or -key is missing") {
		t.Errorf("no key: %d %q", code, said)
	}
}
