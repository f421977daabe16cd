package httpserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"foobar/src/api"
)

// clientCertificate returns a certificate that is its own authority.
func clientCertificate(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestClientIsKnown wants each engine to pass the client's certificate, and whether the
// listener is trusted, to the handler.
func TestClientIsKnown(t *testing.T) {
	own, pool := clientCertificate(t, nil)
	h := handlerFunc(func(r *api.Request) api.Response {
		return api.Response{Status: http.StatusOK, Body: fmt.Appendf(nil, "certificate %v, trusted %v", r.Peer != nil, r.Trusted)}
	})
	onEachEngine(t, func(t *testing.T, g protocol) {
		for _, certified := range []bool{false, true} {
			for _, trusted := range []bool{false, true} {
				server, conf := certificate(t)
				server.ClientCAs = func() (*x509.CertPool, tls.ClientAuthType) { return pool, tls.VerifyClientCertIfGiven }
				e := startWith(t, h, g.settings(defaultSettings), server, func(l net.Listener, o *Options) net.Listener {
					o.Trusted = trusted
					return l
				})
				if certified {
					conf.Certificates = []tls.Certificate{own}
				}
				resp, err := client(t, e, conf, g).Get("https://example.com/")
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("certificate %v, trusted %v", certified, trusted); string(body) != want {
					t.Errorf("the handler is told %q, want %q", body, want)
				}
			}
		}
	})
}
