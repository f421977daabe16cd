package credentials

import "crypto/x509"

// parseAuthorities returns the certificates of a PEM file. A block that is no
// certificate is an error, because skipping it would remove an authority without
// a message.
func parseAuthorities(text []byte) ([]*x509.Certificate, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	var authorities []*x509.Certificate
	for _, b := range blocks {
		c, err := parseCertificate(b)
		if err != nil {
			return nil, err
		}
		authorities = append(authorities, c)
	}
	return authorities, nil
}

// newPool returns a pool of certificates, or nil if there are none.
func newPool(certificates []*x509.Certificate) *x509.CertPool {
	if len(certificates) == 0 {
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool
}
