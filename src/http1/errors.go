package http1

import (
	"errors"
	"net/http"
	"os"
	"time"

	"foobar/src/api"
)

// The reasons why the Server answers without the handler.
var (
	errMalformed   = errors.New("the request is malformed or ambiguous")
	errTooLong     = errors.New("the header is longer than limits.header")
	errExpectation = errors.New("the value of the header field Expect is not 100-continue")
)

// The same reasons as labels of metrics.
const (
	reasonMalformed  = "malformed" // malformed or ambiguous
	reasonTooLong    = "too_long"  // header section over the limit
	reasonTooSlow    = "too_slow"  // header section not complete in time
	reasonClientGone = "gone"      // connection ended in the middle of a header section
)

// writeError answers a request that no handler can. The connection ends.
func (s *Server) writeError(live *liveSettings, c Conn, b *requestBuffers, start time.Time, err error) {
	status, reason := statusOf(err)
	record := AccessRecord{ID: api.NewID(), Remote: c.RemoteAddr(), Status: status}
	if status == 0 {
		s.observer.RequestRefused(reason, record)
		return
	}
	now := time.Now()
	c.SetWriteTimeout(now, live.Response)
	resp := api.Response{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(errorText(err))}
	record.ResponseBytes, err = b.send(c, &resp, s.date.at(now), record.ID.String(), "", true)
	record.Duration = time.Since(start)
	s.observer.RequestRefused(reason, record)
	if err == nil {
		c.Linger(live.Body, live.MaxDiscard)
	}
}

func statusOf(err error) (status int, reason string) {
	switch {
	case errors.Is(err, errMalformed):
		return http.StatusBadRequest, reasonMalformed
	case errors.Is(err, errExpectation):
		return http.StatusExpectationFailed, reasonMalformed
	case errors.Is(err, errTooLong):
		return http.StatusRequestHeaderFieldsTooLarge, reasonTooLong
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, reasonTooSlow
	}
	return 0, reasonClientGone
}

// errorText returns the text for the client. It quotes nothing of the request.
func errorText(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "the header was not complete within timeouts.header\n"
	}
	return err.Error() + "\n"
}
