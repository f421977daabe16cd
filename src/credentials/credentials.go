package credentials

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Files are the paths of the credentials.
type Files struct {
	// Cert has the server's certificate and after it those of its chain, in PEM.
	Cert string
	// Key has the certificate's private key in PEM, as PKCS #8, PKCS #1 or SEC 1.
	// It may be the same file as Cert.
	Key string
	// Token has one token a line, and comments. An empty path or a file that
	// does not exist means that there is no token.
	Token string
	// ClientCA has the certificates of the authorities that issue client
	// certificates, in PEM. An empty path or a file that does not exist means
	// that there is no authority.
	ClientCA string
}

// A Set is what all files had at one time. It does not change.
type Set struct {
	Certificate tls.Certificate
	tokens      []digest
	clientCAs   *x509.CertPool
	sum         digest // of the content of all files
}

// Fingerprint returns a hexadecimal digest of the content of all files. It
// changes with every change to one of them, and reveals nothing of the content.
func (s *Set) Fingerprint() string { return fmt.Sprintf("%x", s.sum) }

// Leaf returns the server's certificate without its chain.
func (s *Set) Leaf() *x509.Certificate { return s.Certificate.Leaf }

// ClientCAs returns the authorities of client certificates, or nil if there are
// none.
func (s *Set) ClientCAs() *x509.CertPool { return s.clientCAs }

// Load reads and validates the files. Every error is an error of configuration.
func Load(f Files) (*Set, error) {
	c, err := readFiles(f)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	tokens, err := parseTokens(c.token)
	if err != nil {
		return nil, fmt.Errorf("token %s: %w", f.Token, err)
	}
	clientCAs, err := parseAuthorities(c.clientCA)
	if err != nil {
		return nil, fmt.Errorf("client-ca %s: %w", f.ClientCA, err)
	}
	return &Set{Certificate: pair, tokens: tokens, clientCAs: clientCAs, sum: c.sum()}, nil
}

// contents are the contents of the files; an optional file that does not exist
// is nil.
type contents struct{ cert, key, token, clientCA []byte }

func readFiles(f Files) (c contents, err error) {
	for _, file := range []struct {
		name, path string
		optional   bool
		content    *[]byte
	}{
		{"certificate", f.Cert, false, &c.cert},
		{"key", f.Key, false, &c.key},
		{"token", f.Token, true, &c.token},
		{"client-ca", f.ClientCA, true, &c.clientCA},
	} {
		if file.optional && file.path == "" {
			continue
		}
		*file.content, err = os.ReadFile(file.path)
		if file.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return c, nil
}

// sum returns a digest of the digests of all contents, so that bytes which move
// from one file to the next change it.
func (c contents) sum() digest {
	h := sha256.New()
	for _, content := range [][]byte{c.cert, c.key, c.token, c.clientCA} {
		sum := sha256.Sum256(content)
		h.Write(sum[:])
	}
	return digest(h.Sum(nil))
}
