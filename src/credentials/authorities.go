package credentials

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// parseAuthorities returns the certificates of a PEM file, or nil if text is
// nil. A block that is no certificate is an error, because skipping it would
// remove an authority without a message.
func parseAuthorities(text []byte) (*x509.CertPool, error) {
	if text == nil {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for number := 1; ; number++ {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil && number == 1 {
			return nil, errors.New("the file has no PEM certificate")
		}
		if block == nil {
			return pool, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("PEM block %d is not a certificate", number)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", number, err)
		}
		pool.AddCert(cert)
	}
}
