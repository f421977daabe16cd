package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"testing"
	"time"
)

// A signed is a certificate of a test with its key.
type signed struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue returns a certificate for key, or a new P-256 key if key is nil, that
// parent has signed, or the key itself if parent is nil. Change may change the
// template.
func issue(t *testing.T, name string, parent *signed, key crypto.Signer, change func(*x509.Certificate)) signed {
	t.Helper()
	if key == nil {
		key = newECKey(t, elliptic.P256())
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(365 * 24 * time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	if parent == nil {
		parent = &signed{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed{cert, key}
}

func issueCA(t *testing.T, name string, parent *signed) signed {
	t.Helper()
	return issue(t, name, parent, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.DNSNames, c.ExtKeyUsage = true, true, nil, nil
		c.KeyUsage = x509.KeyUsageCertSign
	})
}

func newECKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certPEM(all ...signed) string {
	text := ""
	for _, s := range all {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw}))
	}
	return text
}

func keyPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// writeFiles writes the files of a server with a token.
func writeFiles(t *testing.T, cert, key string) Files {
	t.Helper()
	dir := t.TempDir()
	files := Files{Cert: filepath.Join(dir, CertFile), Key: filepath.Join(dir, KeyFile), Token: filepath.Join(dir, TokenFile), ClientCA: filepath.Join(dir, "client-ca")}
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	write(t, files.Token, "0123456789abcdef\n")
	return files
}

// unknownExtension is critical, and unknown to every client.
var unknownExtension = pkix.Extension{Id: asn1.ObjectIdentifier{2, 999, 1}, Critical: true, Value: []byte{5, 0}}
