// Package credentials loads the service's certificate, key and write token,
// swaps them while it runs, and makes them for a first start.
package credentials

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

// Files are the paths of the credentials. Cert is PEM, the leaf first and its
// chain after it; Key is PEM, PKCS #8, PKCS #1 or SEC 1, and may be the same
// file. Token has a token a line, and comments. ClientCA is PEM: the
// certificates of the authorities that vouch for clients. Token and ClientCA
// may be empty or name a file that does not exist: then nobody has one.
type Files struct {
	Cert, Key, Token, ClientCA string
}

// A Set is one consistent reading of the files.
type Set struct {
	Certificate tls.Certificate
	tokens      []digest
	clientCAs   *x509.CertPool
	sum         digest // of all files
}

// Fingerprint tells this reading from every other. It gives nothing of it away.
func (s *Set) Fingerprint() string { return fmt.Sprintf("%x", s.sum) }

// Load reads the files. Every error is one of configuration.
func Load(f Files) (*Set, error) {
	read, err := readAll(f)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(read.cert, read.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	tokens, err := parseTokens(read.token)
	if err != nil {
		return nil, fmt.Errorf("token %s: %w", f.Token, err)
	}
	clientCAs, err := parseAuthorities(read.clientCA)
	if err != nil {
		return nil, fmt.Errorf("client-ca %s: %w", f.ClientCA, err)
	}
	return &Set{Certificate: pair, tokens: tokens, clientCAs: clientCAs, sum: read.sum()}, nil
}

// contents are those of the files, nil where an optional one is not there.
type contents struct{ cert, key, token, clientCA []byte }

func readAll(f Files) (c contents, err error) {
	for _, file := range []struct {
		name, path string
		optional   bool
		to         *[]byte
	}{
		{"certificate", f.Cert, false, &c.cert},
		{"key", f.Key, false, &c.key},
		{"token", f.Token, true, &c.token},
		{"client-ca", f.ClientCA, true, &c.clientCA},
	} {
		if file.optional && file.path == "" {
			continue
		}
		*file.to, err = os.ReadFile(file.path)
		if file.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return c, nil
}

func (c contents) sum() digest {
	h := sha256.New()
	for _, text := range [][]byte{c.cert, c.key, c.token, c.clientCA} {
		of := sha256.Sum256(text)
		h.Write(of[:])
	}
	return digest(h.Sum(nil))
}

// Leaf returns the server's own certificate.
func (s *Set) Leaf() *x509.Certificate { return s.Certificate.Leaf }

// A Store holds the Set in force.
type Store struct {
	files Files
	set   atomic.Pointer[Set]
}

// An Validator says what else is wrong with a Set, nil if nothing is.
type Validator func(*Set) error

// Open loads the files for the first time.
func Open(f Files, accept Validator) (*Store, error) {
	s := &Store{files: f}
	return s, s.Reload(accept)
}

// Reload loads the files again. On an error, accept's too, the Set in force
// stays.
func (s *Store) Reload(accept Validator) error {
	set, err := Load(s.files)
	if err != nil {
		return err
	}
	if err := accept(set); err != nil {
		return err
	}
	s.set.Store(set)
	return nil
}

// Current returns the Set in force.
func (s *Store) Current() *Set { return s.set.Load() }

// GetCertificate is for tls.Config: new handshakes get the certificate in
// force, open connections keep theirs.
func (s *Store) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &s.Current().Certificate, nil
}
