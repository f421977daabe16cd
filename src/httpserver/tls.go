package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"foobar/src/connlimit"
	"foobar/src/engine"
	"foobar/src/request"
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
// old clients and TLS 1.3 for all others, and Go's own choice of curves
// (X25519MLKEM768 first). Session tickets have random keys of this process, which
// crypto/tls rotates every day, or the keys that shared has.
func newTLSConfig(o TLSOptions, protocols func() []string) (config, shared *tls.Config) {
	base := &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: o.Certificate,
		NextProtos: []string{http1Protocol, http2Protocol, http10Protocol},
		// For TLS 1.2, those that RFC 9113, section 9.2.2, allows for HTTP/2.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	config, shared = base.Clone(), base.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return o.configFor(base, shared, hello, protocols())
	}
	return config, shared
}

// configFor returns the configuration for one handshake: base, shared, or a copy of
// one. Session tickets stay valid; crypto/tls accepts none of a client whose
// certificate is not of the current authorities.
//
// Whoever has the shared keys of tickets can decrypt recorded connections of TLS 1.2
// that had a ticket, and can make a ticket with any client's certificate. So they are
// for clients of TLS 1.3, whose resumption exchanges new keys (RFC 8446, section 2.2),
// and only while clients are not asked for certificates.
func (o TLSOptions) configFor(base, shared *tls.Config, hello *tls.ClientHelloInfo, protocols []string) (*tls.Config, error) {
	cas, auth := o.ClientCAs()
	if slices.Contains(protocols, http1Protocol) {
		protocols = append(slices.Clip(protocols), http10Protocol)
	} else if !slices.Contains(hello.SupportedProtos, http2Protocol) {
		return nil, errNoProtocol
	}
	if auth == tls.NoClientCert && slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
		base = shared
	}
	if cas == nil && slices.Equal(protocols, base.NextProtos) {
		return base, nil
	}
	config := base.Clone()
	config.NextProtos, config.ClientCAs, config.ClientAuth = protocols, cas, auth
	return config, nil
}

// errNoProtocol ends the handshake of a client without HTTP/2 where HTTP/1.1 is
// not served. crypto/tls would accept it.
var errNoProtocol = errors.New("the client offers none of the protocols in http.protocols")

// maxHandshakeBytes limits what a client may send for one TLS handshake. crypto/tls
// would keep a ClientHello of 64 KiB and a certificate chain of 256 KiB.
const maxHandshakeBytes = 32 << 10

var errHandshakeSize = errors.New("the client's TLS handshake has more than 32 KiB")

// handshake performs the TLS handshake of t, which is over c, within the quota.
func (c *conn) handshake(t *tls.Conn) error {
	c.server.observer.evict(c.server.quotas.handshakes.Acquire(c))
	defer c.server.quotas.handshakes.Release()
	c.SetDeadline(time.Now().Add(c.server.settings.Load().Header))
	return t.HandshakeContext(c.server.context)
}

// endHandshake closes the connection after its handshake has failed. Closed with
// bytes unread, it would be reset, and the client would not get TLS's alert. The
// unit's filter of system calls has no shutdown(2).
func (c *conn) endHandshake(err error, s *Settings) {
	defer c.Close()
	c.setPhase(connlimit.Idle, time.Now())
	notTLS, _ := errors.AsType[tls.RecordHeaderError](err)
	if notTLS.Conn != nil && notTLS.RecordHeader[0] >= 'A' && notTLS.RecordHeader[0] <= 'Z' {
		refusePlainHTTP(c, strings.TrimSpace(string(notTLS.RecordHeader[:])))
	}
	engine.Discard(c.Conn, s.Body, s.MaxDiscard, c.Conn.SetReadDeadline)
}

// refusePlainHTTP answers a request of HTTP without TLS. The method matters if it
// is HEAD.
func refusePlainHTTP(w io.Writer, method string) {
	const text = "this port serves HTTPS: the URL must begin with https://\n"
	resp := http.Response{
		StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Close: true, Request: &http.Request{Method: method},
		Header:        http.Header{"Content-Type": {request.TextType}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}
	_ = resp.Write(w) // an error ends the connection
}
