package httpserver

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"foobar/src/api"
)

// Why the Engine answers for itself.
var (
	errMalformed   = errors.New("the request is not well-formed, or ambiguous")
	errTooLong     = errors.New("the header section is too long")
	errExpectation = errors.New("the expectation is unknown")
)

// The reasons as labels of metrics.
const (
	handshake = "handshake" // TLS could not be agreed on, or not in time
	malformed = "malformed" // not well-formed, or ambiguous
	tooLong   = "too_long"  // header section over the limit
	tooSlow   = "too_slow"  // header section not there in time
	gone      = "gone"      // connection ended in the middle of a header section
	flood     = "flood"     // too many frames of HTTP/2 that bring no request on
)

// refuse answers a request that no Handler can, and ends its connection.
func (e *Engine) refuse(t *terms, c *conn, w *workspace, begun time.Time, err error) {
	status, reason := judge(err)
	e.options.Traffic.Refused(reason)
	if status == 0 {
		return
	}
	c.writeWithin(time.Now(), t.Response)
	resp := api.Response{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(sentence(err))}
	id := api.NewID()
	sent, err := w.send(c, &resp, id.String(), false, true)
	if e.logs(t) {
		e.access(&api.Request{ID: id}, exchange{remote: c.RemoteAddr(), status: status, took: time.Since(begun), out: sent})
	}
	if err == nil {
		c.linger()
	}
}

func judge(err error) (status int, reason string) {
	switch {
	case errors.Is(err, errMalformed):
		return http.StatusBadRequest, malformed
	case errors.Is(err, errExpectation):
		return http.StatusExpectationFailed, malformed
	case errors.Is(err, errTooLong):
		return http.StatusRequestHeaderFieldsTooLarge, tooLong
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, tooSlow
	}
	return 0, gone
}

// sentence quotes nothing that the client sent.
func sentence(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "the header section took too long\n"
	}
	return err.Error() + "\n"
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// linger lets the client read the last answer before the connection goes:
// closed with bytes unread, it would be reset, and the answer lost on the way.
func (c *conn) linger() { c.lingerFor(lingerTime) }

func (c *conn) lingerFor(limit time.Duration) {
	c.SetDeadline(time.Now().Add(limit))
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok && h.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.transport(), lingerBytes)
}

// abort ends the connection without a word to the client.
func (c *conn) abort() { c.transport().Close() }

// transport is the connection below TLS.
func (c *conn) transport() net.Conn {
	if s, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return s.NetConn()
	}
	return c.Conn
}
