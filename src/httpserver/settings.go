package httpserver

import (
	"time"

	"foobar/src/http1"
)

// Settings are what can change while a Server runs.
type Settings struct {
	// Header is for the TLS handshake, and again for a request's header; Body
	// for its body, Response for the response, Idle for the time between
	// requests.
	Header, Body, Response, Idle time.Duration
	MaxHeader                    int // bytes
	Connections                  int
	PerAddress                   int   // connections of one client address, 0 for any number
	Requests                     int   // in progress, 0 for any number
	MaxDiscard                   int64 // bytes of a body that no handler reads, see http1.Settings
	AccessLog                    bool
	// Protocols are those that new TLS connections are offered by ALPN, the
	// preferred one first: "http/1.1" and "h2".
	Protocols []string
	// FastPath has new connections of HTTP/1.1 served by Options.FastPath.
	FastPath bool
	// ClientCertificates is what TLSOptions.ClientCAs asks of clients. HTTP/2
	// clients have to reconnect to be asked for a certificate.
	ClientCertificates ClientCertificates
}

func (s Settings) http1() http1.Settings {
	return http1.Settings{Header: s.Header, Body: s.Body, Response: s.Response, Idle: s.Idle, MaxHeader: s.MaxHeader, MaxDiscard: s.MaxDiscard}
}

// sameNetHTTP reports whether one http.Server can serve under both.
func (s Settings) sameNetHTTP(o Settings) bool {
	return s.http1() == o.http1() && s.ClientCertificates == o.ClientCertificates
}
