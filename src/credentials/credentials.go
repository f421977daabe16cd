// Package credentials loads the service's certificate, key, tokens and client
// authorities, replaces them while the service runs, and generates them for a
// first start.
//
// Load reads and validates all files together; a Set is the immutable result. A
// Store has the Set in use. The package does not decide who may do what: package
// access asks it whether a token or a client certificate is valid.
//
// Read credentials.go first.
package credentials

import (
	"cmp"
	"crypto"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Set is what all files had at one time. It does not change.
type Set struct {
	Certificate tls.Certificate
	// ClientCAs are the authorities of client certificates, nil if there are none.
	ClientCAs *x509.CertPool
	// Fingerprint is a hexadecimal digest of the content of all files. It changes
	// with every change to one of them, and reveals nothing of the content.
	Fingerprint string

	tokens        []digest
	tokenWarnings []string
	authorities   []*x509.Certificate // those of ClientCAs
}

// Leaf returns the server's certificate without its chain.
func (s *Set) Leaf() *x509.Certificate { return s.Certificate.Leaf }

// Load reads and validates the files. A certificate, key and client-ca with
// which no client could connect are not valid. Every error is an error of
// configuration.
func Load(f Files) (*Set, error) {
	cert, certErr := readFile("certificate", f.Cert, false)
	key, keyErr := readFile("key", f.Key, false)
	token, tokenErr := readFile("token", f.Token, true)
	clientCA, clientCAErr := readFile("client-ca", f.ClientCA, true)
	if err := cmp.Or(certErr, keyErr, tokenErr, clientCAErr); err != nil {
		return nil, err
	}
	s := &Set{Fingerprint: fingerprint(cert, key, token, clientCA)}
	var err error
	if s.Certificate, err = ParsePair(f.Cert, cert, f.Key, key); err != nil {
		return nil, err
	}
	if token != nil {
		if s.tokens, s.tokenWarnings, err = parseTokens(token); err != nil {
			return nil, fmt.Errorf("token %s: %w", f.Token, err)
		}
	}
	if clientCA != nil {
		if s.ClientCAs, s.authorities, err = ParseAuthorities(clientCA); err != nil {
			return nil, fmt.Errorf("client-ca %s: %w", f.ClientCA, err)
		}
	}
	if err := s.checkHandshake(); err != nil {
		return nil, fmt.Errorf("certificate %s: no client could connect: %w", f.Cert, err)
	}
	return s, nil
}

// ParsePair returns a certificate with its chain and key. The key must belong to the
// first certificate. The names are those of the files, for errors.
func ParsePair(certName string, certText []byte, keyName string, keyText []byte) (pair tls.Certificate, err error) {
	chain, err := parseCertificates(certText, true)
	if err != nil {
		return pair, fmt.Errorf("certificate %s: %w", certName, err)
	}
	key, err := parseKey(keyText)
	if err != nil {
		return pair, fmt.Errorf("key %s: %w", keyName, err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return pair, fmt.Errorf("certificate %s with key %s: the key does not belong to the certificate %.100q: "+
			"put the server's certificate first and its chain after it", certName, keyName, chain[0].Subject)
	}
	pair = tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, nil
}

// ParseAuthorities returns the certificates of authorities, and a pool of them.
func ParseAuthorities(text []byte) (*x509.CertPool, []*x509.Certificate, error) {
	authorities, err := parseCertificates(text, false)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	for _, authority := range authorities {
		pool.AddCert(authority)
	}
	return pool, authorities, nil
}

// Describe returns what was read from the files, for an administrator. The lines
// have no secret.
func (s *Set) Describe() []string {
	names := slices.Clone(s.Leaf().DNSNames)
	for _, ip := range s.Leaf().IPAddresses {
		names = append(names, ip.String())
	}
	return []string{
		fmt.Sprintf("certificates: %d, for %s", len(s.Certificate.Certificate), cmp.Or(strings.Join(names, ", "), "no host")),
		fmt.Sprintf("tokens: %d", len(s.tokens)),
		fmt.Sprintf("authorities of client certificates: %d", len(s.authorities)),
	}
}

// A Store has the Set in use. Its methods may be called from several goroutines
// at once.
type Store struct{ set atomic.Pointer[Set] }

// NewStore returns a Store with a Set in use.
func NewStore(set *Set) *Store {
	s := &Store{}
	s.Replace(set)
	return s
}

// Replace puts another Set in use. New handshakes get its certificate; open connections
// stay open.
func (s *Store) Replace(set *Set) { s.set.Store(set) }

// Current returns the Set in use.
func (s *Store) Current() *Set { return s.set.Load() }

// GetCertificate returns the certificate in use, for tls.Config.GetCertificate.
func (s *Store) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &s.Current().Certificate, nil
}

// TicketKeys returns the keys of TLS session tickets at a time, for
// tls.Config.SetSessionTicketKeys: that of the day, which encrypts new tickets, that
// of the day before, and that of the next day, for tickets of a machine whose clock
// is ahead. Days begin at 00:00 UTC.
//
// The keys are derived from the private key and the certificate (HKDF, RFC 5869), so
// that all processes with the same credentials have the same keys, one after another
// and on several machines. It returns nil for a private key that has no encoding in
// PKCS #8, which Load does not return.
func (s *Set) TicketKeys(now time.Time) (keys [][32]byte) {
	secret, err := x509.MarshalPKCS8PrivateKey(s.Certificate.PrivateKey)
	if err != nil {
		return nil
	}
	for _, days := range []int{0, -1, 1} {
		info := "foobar session tickets " + now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
		key, err := hkdf.Key(sha256.New, secret, s.Leaf().Raw, info, sha256.Size)
		if err != nil {
			return nil
		}
		keys = append(keys, [32]byte(key))
	}
	return keys
}
