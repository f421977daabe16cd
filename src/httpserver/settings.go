package httpserver

import (
	"crypto/tls"

	"foobar/src/engine"
)

// Settings are what can change while a Server runs.
type Settings struct {
	engine.Settings // Header is also for the TLS handshake
	Connections     int
	PerAddress      int // connections of one client address, 0 for any number
	Requests        int // in progress, 0 for any number
	// MaxBody is the largest body, in bytes, that Options.Handler can read. Reading
	// further is a *http.MaxBytesError, and an error status that the handler answers
	// then becomes 413. It is 0 for a handler that limits bodies itself.
	MaxBody   int64
	AccessLog bool
	// Protocols are those that new TLS connections are offered by ALPN, the
	// preferred one first: "http/1.1" and "h2".
	Protocols []string
	// FastPath has new connections of HTTP/1.1 served by Options.FastPath.
	FastPath bool
	// ClientCertificates is what TLSOptions.ClientCAs asks of clients. HTTP/2
	// clients have to reconnect to be asked for a certificate.
	ClientCertificates tls.ClientAuthType
}

// sameNetHTTP reports whether one http.Server can serve under both.
func (s Settings) sameNetHTTP(o Settings) bool {
	return s.Settings == o.Settings && s.ClientCertificates == o.ClientCertificates
}
