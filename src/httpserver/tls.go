package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// The names of the protocols in ALPN.
const (
	http1Protocol  = "http/1.1"
	http2Protocol  = "h2"
	http10Protocol = "http/1.0" // offered along with http/1.1
)

// TLSOptions provide the credentials for each handshake.
type TLSOptions struct {
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// ClientCAs returns the authorities whose certificates clients are asked for, nil
	// if they are not asked, and what becomes of a client without one.
	ClientCAs func() (*x509.CertPool, tls.ClientAuthType)
}

// newTLSConfig returns the configuration for HTTPS: TLS 1.2 with forward secrecy for
// old clients and TLS 1.3 for all others, Go's own choice of curves
// (X25519MLKEM768 first) and tickets (rotated every day).
func newTLSConfig(o TLSOptions, protocols func() []string) *tls.Config {
	base := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: o.Certificate,
		NextProtos:     []string{http1Protocol, http2Protocol, http10Protocol},
		// For TLS 1.2, those that RFC 9113, section 9.2.2, allows for HTTP/2.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	config := base.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return o.configFor(base, hello, protocols())
	}
	return config
}

// configFor returns the configuration for one handshake, nil if it is base.
// Session tickets stay valid; crypto/tls accepts none of a client whose
// certificate is not of the current authorities.
func (o TLSOptions) configFor(base *tls.Config, hello *tls.ClientHelloInfo, protocols []string) (*tls.Config, error) {
	cas, auth := o.ClientCAs()
	if slices.Contains(protocols, http1Protocol) {
		protocols = append(slices.Clip(protocols), http10Protocol)
	} else if !slices.Contains(hello.SupportedProtos, http2Protocol) {
		return nil, errNoProtocol
	}
	if cas == nil && slices.Equal(protocols, base.NextProtos) {
		return nil, nil
	}
	config := base.Clone()
	config.NextProtos, config.ClientCAs, config.ClientAuth = protocols, cas, auth
	return config, nil
}

// errNoProtocol ends the handshake of a client without HTTP/2 where HTTP/1.1 is
// not served. crypto/tls would accept it.
var errNoProtocol = errors.New("the client offers none of the protocols in http.protocols")
