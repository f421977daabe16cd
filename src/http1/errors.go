package http1

import (
	"errors"
	"net/http"
	"os"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/request"
)

// The reasons why the Server answers without the handler, as labels of metrics.
const (
	reasonMalformed  = "malformed" // malformed or ambiguous
	reasonTooLong    = "too_long"  // header section over the limit
	reasonTooSlow    = "too_slow"  // header section not complete in time
	reasonClientGone = "gone"      // connection ended in the middle of a header section
)

// A refusal is why the Server answers without the handler. The text is for the
// client and the log, and quotes nothing of the request.
type refusal struct {
	status       int // 0 for no response
	reason, text string
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

func malformed(text string) error {
	return &refusal{http.StatusBadRequest, reasonMalformed, "the request is malformed or ambiguous: " + text}
}

// The refusals that are always the same.
var (
	errLineEnd     = malformed("a line of the header does not end in CRLF, is empty or begins with white space")
	errSyntax      = malformed("the request line or a field violates RFC 9112, or there is not exactly one Host")
	errLength      = malformed("the length of the body must be in one Content-Length, or in chunks of HTTP/1.1")
	errHost        = malformed("no https URI has the value of Host")
	errTarget      = malformed("the target must be a path, or a URI whose host is that of Host")
	errChunks      = malformed("the chunks of the body violate RFC 9112, section 7.1")
	errTooLong     = &refusal{http.StatusRequestHeaderFieldsTooLarge, reasonTooLong, "the header is longer than limits.header, or has more lines than it allows"}
	errExpectation = &refusal{http.StatusExpectationFailed, reasonMalformed, "the value of the header field Expect is not 100-continue"}
	errCoding      = &refusal{http.StatusNotImplemented, reasonMalformed, "the only transfer coding is chunked, once"}
	errVersion     = &refusal{http.StatusHTTPVersionNotSupported, reasonMalformed, "this connection speaks HTTP/1.1 and HTTP/1.0"}
)

// writeError answers a request that no handler can, after an error that ended the
// reading of its header. The connection ends.
func (s *Server) writeError(live *liveSettings, c engine.Conn, b *requestBuffers, start time.Time, err error) {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case ok:
	case errors.Is(err, os.ErrDeadlineExceeded):
		r = &refusal{http.StatusRequestTimeout, reasonTooSlow, "the header was not complete within timeouts.header"}
	default:
		r = &refusal{0, reasonClientGone, err.Error()}
	}
	record := engine.AccessRecord{ID: request.NewID(), Remote: c.RemoteAddr(), Status: r.status}
	if r.status == 0 {
		s.observer.RequestRefused(r.reason, r, record)
		return
	}
	now := time.Now()
	c.SetWriteTimeout(now, live.Response)
	resp := api.Response{Status: r.status, ContentType: request.TextType, Body: []byte(r.text + "\n")}
	record.ResponseBytes, err = b.send(c, &resp, now, record.ID.String(), b.refusedMethod, "close")
	record.Duration = time.Since(start)
	s.observer.RequestRefused(r.reason, r, record)
	if err == nil {
		c.Linger(live.Body, live.MaxDiscard)
	}
}
