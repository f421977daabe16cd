package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
)

// A Set is what all files had at one time. It does not change.
type Set struct {
	Certificate   tls.Certificate
	files         Files
	tokens        []digest
	tokenWarnings []string
	authorities   []*x509.Certificate
	clientCAs     *x509.CertPool // of authorities
	sum           digest         // of the content of all files
}

// Fingerprint returns a hexadecimal digest of the content of all files. It
// changes with every change to one of them, and reveals nothing of the content.
func (s *Set) Fingerprint() string { return fmt.Sprintf("%x", s.sum) }

// Leaf returns the server's certificate without its chain.
func (s *Set) Leaf() *x509.Certificate { return s.Certificate.Leaf }

// ClientCAs returns the authorities of client certificates, or nil if there are
// none.
func (s *Set) ClientCAs() *x509.CertPool { return s.clientCAs }

// Load reads and validates the files. A certificate, key and client-ca with
// which no client could connect are not valid. Every error is an error of
// configuration.
func Load(f Files) (*Set, error) {
	c, err := readFiles(f)
	if err != nil {
		return nil, err
	}
	s := &Set{files: f, sum: c.sum()}
	if err := s.setPair(c); err != nil {
		return nil, err
	}
	if c.token != nil {
		if s.tokens, s.tokenWarnings, err = parseTokens(c.token); err != nil {
			return nil, fmt.Errorf("token %s: %w", f.Token, err)
		}
	}
	if c.clientCA != nil {
		if s.authorities, err = parseAuthorities(c.clientCA); err != nil {
			return nil, fmt.Errorf("client-ca %s: %w", f.ClientCA, err)
		}
		s.clientCAs = newPool(s.authorities)
	}
	if err := s.checkHandshake(); err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, err)
	}
	return s, nil
}

// setPair sets the certificate with its chain and key.
func (s *Set) setPair(c contents) error {
	chain, err := parseChain(c.cert)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", s.files.Cert, err)
	}
	key, err := parseKey(c.key)
	if err != nil {
		return fmt.Errorf("key %s: %w", s.files.Key, err)
	}
	if s.Certificate, err = newPair(chain, key); err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", s.files.Cert, s.files.Key, err)
	}
	return nil
}

// Describe returns a line for each file with what was read from it, for an
// administrator. The lines have no secret.
func (s *Set) Describe() []string {
	names := slices.Clone(s.Leaf().DNSNames)
	for _, ip := range s.Leaf().IPAddresses {
		names = append(names, net.IP(ip).String())
	}
	if len(names) == 0 {
		names = []string{"no host"}
	}
	return []string{
		fmt.Sprintf("cert: %s for %s", count(len(s.Certificate.Certificate), "certificate", "certificates"), strings.Join(names, ", ")),
		"token: " + describeOptional(s.files.Token, len(s.tokens), "token", "tokens"),
		"client-ca: " + describeOptional(s.files.ClientCA, len(s.authorities), "authority", "authorities"),
	}
}

// describeOptional returns how many things an optional file has. A file that
// exists has at least one. Only the last part of the path is shown: the rest is
// another in each run where systemd passes the file, and package foobar's output
// is compared between runs.
func describeOptional(path string, n int, one, many string) string {
	switch {
	case path == "":
		return "none, as no file is given"
	case n == 0:
		return "none, as there is no file " + filepath.Base(path)
	}
	return count(n, one, many)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
