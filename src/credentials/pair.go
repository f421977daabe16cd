package credentials

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// newPair returns a certificate with its chain and key. The key must belong to
// the first certificate.
func newPair(chain []*x509.Certificate, key crypto.Signer) (tls.Certificate, error) {
	if err := checkOwner(key, chain); err != nil {
		return tls.Certificate{}, err
	}
	pair := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, nil
}

// parseChain returns the certificates of a PEM file, which may have the key as
// well, and the parameters that openssl-ecparam(1) writes.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for _, b := range blocks {
		if b.isKey() || strings.HasSuffix(b.Type, " PARAMETERS") {
			continue
		}
		c, err := parseCertificate(b)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, c)
	}
	if len(certificates) == 0 {
		return nil, errors.New("the file has no certificate")
	}
	return certificates, nil
}

func parseCertificate(b block) (*x509.Certificate, error) {
	if b.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%v: the type is %.40q, not a CERTIFICATE", b, b.Type)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%v: the certificate is damaged: %w", b, err)
	}
	return c, nil
}

// parseKey returns the only private key of a PEM file.
func parseKey(text []byte) (crypto.Signer, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	var found *block
	for _, b := range blocks {
		if !b.isKey() {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%v: a second private key in the file: remove the one that is not the certificate's", b)
		}
		found = &b
	}
	if found == nil {
		return nil, errors.New("the file has no private key")
	}
	return parseKeyBlock(*found)
}

// parseKeyBlock returns the key of a block in PKCS #8, PKCS #1 or SEC 1.
func parseKeyBlock(b block) (crypto.Signer, error) {
	switch {
	case b.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, fmt.Errorf("%v: the key is encrypted, and the service cannot ask for the passphrase: decrypt it with openssl pkey", b)
	case b.Type == "OPENSSH PRIVATE KEY":
		return nil, fmt.Errorf("%v: the key is in OpenSSH's format: convert it with ssh-keygen -p -m PKCS8", b)
	}
	if key, err := x509.ParsePKCS8PrivateKey(b.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
	}
	if key, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%v: the key is damaged, or of a kind that cannot sign in TLS", b)
}

// checkOwner returns an error if key does not belong to the first certificate.
func checkOwner(key crypto.Signer, chain []*x509.Certificate) error {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	for i, c := range chain {
		if !ok || !public.Equal(c.PublicKey) {
			continue
		}
		if i > 0 {
			return fmt.Errorf("the first certificate is %.100q, and the key belongs to number %d: put the server's certificate first and its chain after it", chain[0].Subject, i+1)
		}
		return nil
	}
	return errors.New("the key does not belong to the certificate")
}
