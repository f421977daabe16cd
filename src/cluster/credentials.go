package cluster

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"foobar/src/credentials"
	"foobar/src/service"
)

// The names of the credentials.
const (
	caFile   = "etcd-ca"
	certFile = "etcd-cert"
	keyFile  = "etcd-key"
)

// A tlsCredentials is what the service and the members of etcd know each other by.
type tlsCredentials struct {
	authorities *x509.CertPool
	certificate tls.Certificate
	digest      [sha256.Size]byte // of the files
}

// loadCredentials reads and validates the files. Every error is a ConfigError.
func loadCredentials(dir string) (c tlsCredentials, err error) {
	var text [3][]byte
	for i, name := range []string{caFile, certFile, keyFile} {
		if text[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return c, &service.ConfigError{Err: fmt.Errorf("foobar-etcd needs the credentials %s, %s and %s: %w", caFile, certFile, keyFile, err)}
		}
		sum := sha256.Sum256(text[i])
		c.digest = sha256.Sum256(append(c.digest[:], sum[:]...))
	}
	if c.authorities, _, err = credentials.ParseAuthorities(text[0]); err != nil {
		return c, &service.ConfigError{Err: fmt.Errorf("%s: %w", caFile, err)}
	}
	if c.certificate, err = credentials.ParsePair(certFile, text[1], keyFile, text[2]); err != nil {
		return c, &service.ConfigError{Err: err}
	}
	return c, nil
}

// leaf returns the certificate of the service without its chain.
func (c tlsCredentials) leaf() *x509.Certificate { return c.certificate.Leaf }

// config returns the TLS configuration for members that have a certificate for
// serverName, or for their address if it is empty.
func (c tlsCredentials) config(serverName string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: serverName, RootCAs: c.authorities,
		Certificates: []tls.Certificate{c.certificate},
	}
}

// describe returns lines for an administrator. They have no secret.
func (c tlsCredentials) describe(now time.Time) []string {
	return []string{
		fmt.Sprintf("client of etcd: %s: %s", c.leaf().Subject, credentials.Validity(c.leaf(), now)),
		fmt.Sprintf("fingerprint of %s, %s and %s: %x", caFile, certFile, keyFile, c.digest),
	}
}
