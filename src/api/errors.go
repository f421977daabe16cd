package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
)

// textType is for what the service says in its own words.
const textType = "text/plain; charset=utf-8"

// retryAfter is how many seconds a client is asked to wait when there is no
// room for its upload.
const retryAfter = "1"

// What the API refuses, beside the errors of package state.
var (
	errNotFound      = errors.New("this path does not exist: the path of the state is /")
	errEmpty         = errors.New("no state has been stored yet: POST one to /")
	errClosed        = errors.New("access in conf.yaml allows no client to send this request")
	errNoCertificate = errors.New("this request needs a client certificate of an authority in the client-ca credential")
	errNoToken       = errors.New("this request needs a token, and the service has no token credential")
	errUnauthorized  = errors.New("this request needs the header field Authorization: Bearer with a token of the token credential")
	errBusy          = errors.New("other uploads use all of limits.uploads: try again later")
)

type methodError struct{ allow string }

func (e *methodError) Error() string { return "allowed methods are " + e.allow }

type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("the body is larger than limits.state, %d bytes", e.limit)
}

type rangeError struct{ size int64 }

func (e *rangeError) Error() string {
	return fmt.Sprintf("the range is outside the state, which has %d bytes", e.size)
}

// A bodyError is the client's doing: it went away, or was too slow.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "the body is incomplete" }
func (e *bodyError) Unwrap() error { return e.err }

// failure is where an error becomes a status. Errors that are not the client's
// doing are logged, and the client is told no more than it needs.
func (a *API) failure(r *Request, err error) Response {
	resp := describe(err)
	resp.ContentType = textType
	resp.Body = []byte(sentence(r, resp.Status, err) + "\n")
	if resp.Status >= http.StatusInternalServerError && resp.Status != http.StatusServiceUnavailable {
		a.log.Error(fmt.Sprintf("%s failed with status %d", r.Method, resp.Status), Event(err).Field(),
			zap.Stringer("request_id", r.ID), zap.String("method", r.Method), zap.Int("status", resp.Status), zap.Error(err))
	}
	return resp
}

// Event is what the journal's catalogue has on a failure of the state.
func Event(err error) logging.Event {
	switch {
	case errors.Is(err, state.ErrNoSpace):
		return logging.NoSpace
	case errors.Is(err, state.ErrReadOnly):
		return logging.ReadOnly
	case errors.Is(err, state.ErrChanged), errors.Is(err, state.ErrOwner):
		return logging.StateChanged
	}
	return logging.WriteFailed
}

func describe(err error) Response {
	var (
		method *methodError
		large  *tooLargeError
		outOf  *rangeError
		body   *bodyError
	)
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, errEmpty):
		return Response{Status: http.StatusNotFound}
	case errors.As(err, &method):
		return Response{Status: http.StatusMethodNotAllowed, Allow: method.allow}
	case errors.Is(err, errClosed), errors.Is(err, errNoToken):
		return Response{Status: http.StatusForbidden}
	case errors.Is(err, errNoCertificate):
		return Response{Status: http.StatusForbidden, Close: true} // the next connection can bring one
	case errors.Is(err, errUnauthorized):
		return Response{Status: http.StatusUnauthorized, WWWAuthenticate: `Bearer realm="foobar"`}
	case errors.Is(err, state.ErrPrecondition):
		return Response{Status: http.StatusPreconditionFailed}
	case errors.As(err, &large), errors.Is(err, state.ErrTooLarge):
		return Response{Status: http.StatusRequestEntityTooLarge, Close: true}
	case errors.As(err, &outOf):
		return Response{Status: http.StatusRequestedRangeNotSatisfiable, ContentRange: fmt.Sprintf("bytes */%d", outOf.size)}
	case errors.As(err, &body) && errors.Is(err, os.ErrDeadlineExceeded):
		return Response{Status: http.StatusRequestTimeout, Close: true}
	case errors.As(err, &body):
		return Response{Status: http.StatusBadRequest, Close: true}
	case errors.Is(err, errBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Response{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, Close: true}
	case errors.Is(err, state.ErrNoSpace):
		return Response{Status: http.StatusInsufficientStorage}
	}
	return Response{Status: http.StatusInternalServerError}
}

// sentence is what the client reads.
func sentence(r *Request, status int, err error) string {
	switch status {
	case http.StatusInsufficientStorage:
		return state.ErrNoSpace.Error() + "; the state is unchanged; the request ID is " + r.ID.String()
	case http.StatusInternalServerError:
		return "the state could not be stored; the log of the service has the reason under the request ID " + r.ID.String()
	}
	return err.Error()
}
