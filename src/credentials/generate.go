package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The names of the files that Generate makes.
const (
	CertFile  = "cert"
	KeyFile   = "key"
	TokenFile = "token"
)

// certificateLifetime is the lifetime of a generated certificate.
const certificateLifetime = 365 * 24 * time.Hour

// maxCertificateLifetime is within the 825 days that some clients accept at
// most.
const maxCertificateLifetime = 800 * 24 * time.Hour

// tokenBytes is the number of random bytes in a generated token.
const tokenBytes = 32

// A Request says what Generate makes a certificate for.
type Request struct {
	Hosts Hosts
	// Now is the time by this machine's clock.
	Now time.Time
	// Built is when the program was built, or the zero time if that is unknown.
	Built time.Time
}

// ClockIsWrong reports whether the clock shows a time before the program was
// built.
func (r Request) ClockIsWrong() bool { return r.Now.Before(r.Built) }

// validity returns when a new certificate begins and ceases to be valid. A wrong
// clock would make a certificate that has expired for everybody else, so its
// validity begins when the program was built and is as long as clients accept.
func (r Request) validity() (notBefore, notAfter time.Time) {
	if r.ClockIsWrong() {
		return r.Built.Add(-time.Hour), r.Built.Add(maxCertificateLifetime)
	}
	return r.Now.Add(-time.Hour), r.Now.Add(certificateLifetime)
}

// Generate makes a self-signed certificate for the hosts of r and for localhost,
// its key (ECDSA P-256) and a random token in dir, those of the three that are
// missing. The files have mode 0600. It returns the paths of the files that it
// made, also with an error. It does not overwrite a file, and a file appears
// with its whole content or not at all.
func Generate(dir string, r Request) (made []string, err error) {
	for _, file := range []struct {
		name     string
		generate func() ([]byte, error)
	}{
		{KeyFile, func() ([]byte, error) { return newKey(dir) }},
		{CertFile, func() ([]byte, error) { return newCertificate(filepath.Join(dir, KeyFile), r) }},
		{TokenFile, newToken},
	} {
		path := filepath.Join(dir, file.name)
		if _, err := os.Lstat(path); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return made, err
		}
		content, err := file.generate()
		if err != nil {
			return made, fmt.Errorf("generate %s: %w", path, err)
		}
		if err := createFile(path, content); err != nil {
			return made, fmt.Errorf("write %s: %w", path, err)
		}
		made = append(made, path)
	}
	return made, nil
}

// newKey returns a new private key in PEM. It fails if dir has a certificate,
// which a new key would not belong to.
func newKey(dir string) ([]byte, error) {
	cert := filepath.Join(dir, CertFile)
	if _, err := os.Lstat(cert); err == nil {
		return nil, fmt.Errorf("%s is a certificate without its key: put the key beside it, or remove the certificate", cert)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// newCertificate returns a certificate in PEM that is signed by its own key.
func newCertificate(keyFile string, r Request) ([]byte, error) {
	text, err := readFile(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", keyFile, err)
	}
	hosts := Hosts{slices.Clone(r.Hosts.Names), slices.Clone(r.Hosts.Addresses)}
	for _, local := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := hosts.add(local); err != nil {
			return nil, err
		}
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName(r.Hosts)},
		DNSNames:              hosts.Names,
		IPAddresses:           hosts.Addresses,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	template.NotBefore, template.NotAfter = r.validity()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// commonName returns the first host that fits into a common name, which has at
// most 64 characters (RFC 5280, appendix A.1). Clients read the subject
// alternative names; the common name is for people.
func commonName(h Hosts) string {
	for _, name := range h.Names {
		if len(name) <= 64 {
			return name
		}
	}
	for _, ip := range h.Addresses {
		return ip.String()
	}
	return "localhost"
}

func newToken() ([]byte, error) {
	b := make([]byte, tokenBytes)
	rand.Read(b)
	return []byte(base64.RawURLEncoding.EncodeToString(b) + "\n"), nil
}

// createFile writes a file of mode 0600. It writes a temporary file and links it
// to path, because link(2) neither overwrites a file nor follows a symbolic
// link.
func createFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
