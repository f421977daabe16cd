// Package credentials loads the service's certificate, key and write token,
// swaps them while it runs, and makes them for a first start.
package credentials

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
)

// Files are the paths of the credentials. Cert is PEM, the leaf first and its
// chain after it; Key is PEM, PKCS #8, PKCS #1 or SEC 1; Token is one line.
// Token may be empty or name a file that does not exist: then nobody has it.
type Files struct {
	Cert, Key, Token string
}

// A Set is one consistent reading of the files.
type Set struct {
	Certificate tls.Certificate
	token       *[sha256.Size]byte
}

// bearer is the b64token of RFC 6750, section 2.1.
var bearer = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// minToken is the least length, in characters, of a token that nobody guesses.
const minToken = 16

// Load reads the files. Every error is one of configuration.
func Load(f Files) (*Set, error) {
	cert, err := loadPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	token, err := loadToken(f.Token)
	if err != nil {
		return nil, err
	}
	return &Set{Certificate: cert, token: token}, nil
}

func loadPair(certFile, keyFile string) (tls.Certificate, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}

func loadToken(file string) (*[sha256.Size]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken || !bearer.MatchString(token) {
		return nil, fmt.Errorf("token %s: allowed is one line of at least %d letters, digits and -._~+/ (RFC 6750, section 2.1)", file, minToken)
	}
	digest := sha256.Sum256([]byte(token))
	return &digest, nil
}

// HasToken says whether there is a token that could let a request in.
func (s *Set) HasToken() bool { return s.token != nil }

// Authorizes says whether the value of an Authorization header field carries
// the token. It takes the same time for every wrong token.
func (s *Set) Authorizes(header string) bool {
	scheme, token, ok := strings.Cut(header, " ")
	if s.token == nil || !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	digest := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
	return subtle.ConstantTimeCompare(digest[:], s.token[:]) == 1
}

// Leaf returns the server's own certificate.
func (s *Set) Leaf() *x509.Certificate { return s.Certificate.Leaf }

// A Store holds the Set in force.
type Store struct {
	files Files
	set   atomic.Pointer[Set]
}

// Open loads the files for the first time.
func Open(f Files) (*Store, error) {
	s := &Store{files: f}
	return s, s.Reload()
}

// Reload loads the files again. On an error the Set in force stays.
func (s *Store) Reload() error {
	set, err := Load(s.files)
	if err != nil {
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
