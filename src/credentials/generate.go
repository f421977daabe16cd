package credentials

import (
	"crypto"
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
	"net"
	"os"
	"path/filepath"
	"time"
)

// The names of the files that Generate makes.
const (
	CertFile  = "cert"
	KeyFile   = "key"
	TokenFile = "token"
)

// lifetime is short enough for clients that refuse long-lived certificates
// (825 days), and long enough to be replaced in peace.
const lifetime = 365 * 24 * time.Hour

// tokenBytes is the entropy of a generated token.
const tokenBytes = 32

// Generate makes what is missing in dir of a self-signed certificate for host,
// its key (ECDSA P-256) and a random write token, all with mode 0600, and
// returns the paths of the files that it made. It never overwrites a file, and
// a file that it makes is there whole or not at all.
func Generate(dir, host string, now time.Time) (made []string, err error) {
	for _, file := range []struct {
		name string
		make func() ([]byte, error)
	}{
		{KeyFile, func() ([]byte, error) { return newKey(dir) }},
		{CertFile, func() ([]byte, error) { return newCertificate(filepath.Join(dir, KeyFile), host, now) }},
		{TokenFile, newToken},
	} {
		path := filepath.Join(dir, file.name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return made, fmt.Errorf("look for %s: %w", file.name, err)
			}
			continue
		}
		text, err := file.make()
		if err != nil {
			return made, fmt.Errorf("make %s: %w", path, err)
		}
		if err := create(path, text); err != nil {
			return made, fmt.Errorf("write %s: %w", path, err)
		}
		made = append(made, path)
	}
	return made, nil
}

func newKey(dir string) ([]byte, error) {
	if _, err := os.Lstat(filepath.Join(dir, CertFile)); err == nil {
		return nil, fmt.Errorf("there is a certificate without its key: put the key beside it, or remove %s", filepath.Join(dir, CertFile))
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

func newCertificate(keyFile, host string, now time.Time) ([]byte, error) {
	key, err := readKey(keyFile)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: host},
		DNSNames:              []string{host, "localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// readKey reads the PEM key of any form that crypto/tls takes.
func readKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: not a PEM file", file)
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s: not a private key that can sign", file)
}

func newToken() ([]byte, error) {
	b := make([]byte, tokenBytes)
	rand.Read(b)
	return []byte(base64.RawURLEncoding.EncodeToString(b) + "\n"), nil
}

// create writes a file of mode 0600 that appears whole, link(2) being the call
// that does not overwrite.
func create(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
