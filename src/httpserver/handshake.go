package httpserver

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"foobar/src/connlimit"
	"foobar/src/engine"
	"foobar/src/request"
)

// maxHandshakeBytes limits what a client may send for one TLS handshake. crypto/tls
// would keep a ClientHello of 64 KiB and a certificate chain of 256 KiB.
const maxHandshakeBytes = 32 << 10

var errHandshakeSize = errors.New("the client's TLS handshake has more than 32 KiB")

// handshake performs the TLS handshake of t, which is over c, within the quota.
func (c *conn) handshake(t *tls.Conn) error {
	evicted, _ := c.server.quotas.handshakes.Acquire()
	defer c.server.quotas.handshakes.Release()
	c.server.observer.evict(evicted)
	c.SetDeadline(time.Now().Add(c.server.settings.Load().Header))
	c.inHandshake = true
	err := t.HandshakeContext(c.server.context)
	c.inHandshake = false
	return err
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
