package httpserver

import (
	"crypto/tls"
	"crypto/x509"
)

// TLSOptions are what of TLS can change while it is served.
type TLSOptions struct {
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// ClientCAs are the authorities whose certificates clients are asked for,
	// nil where they are not asked, and whether they have to have one.
	ClientCAs func() (cas *x509.CertPool, required bool)
}

// ClientCertificates says whether clients are asked for a certificate.
type ClientCertificates struct{ Asked, Required bool }

// TLSConfig returns the settings for HTTPS: TLS 1.2 with forward secrecy for
// old clients and TLS 1.3 for all others, Go's own choice of curves
// (X25519MLKEM768 first) and tickets (rotated every day).
func TLSConfig(o TLSOptions) *tls.Config {
	conf := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: o.Certificate,
		NextProtos:     []string{"h2", "http/1.1"},
		// Of TLS 1.2 what RFC 9113, section 9.2.2, leaves for HTTP/2.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	if o.ClientCAs != nil {
		base := conf.Clone()
		conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return mutual(base, o.ClientCAs), nil
		}
	}
	return conf
}

// mutual returns base with the authorities in force, nil where clients are not
// asked. Tickets stay those of the listener; crypto/tls takes none that another
// authority than these has vouched for.
func mutual(base *tls.Config, clientCAs func() (*x509.CertPool, bool)) *tls.Config {
	cas, required := clientCAs()
	if cas == nil {
		return nil
	}
	conf := base.Clone()
	conf.ClientCAs, conf.ClientAuth = cas, tls.VerifyClientCertIfGiven
	if required {
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf
}
