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

// textType is for the messages of the service.
const textType = "text/plain; charset=utf-8"

// retryAfter is how many seconds a client is asked to wait when there is no room
// for its request.
const retryAfter = "1"

// A requestError refuses a request. It has what the client gets but for the body,
// which is the message.
type requestError struct {
	response Response
	message  string
}

// Error implements error.
func (e *requestError) Error() string { return e.message }

func refusal(status int, message string) *requestError {
	return &requestError{response: Response{Status: status}, message: message}
}

// The refusals that are always the same.
var (
	errNotFound       = refusal(http.StatusNotFound, "this path does not exist: the path of the state is /")
	errNoState        = refusal(http.StatusNotFound, "no state has been stored yet: POST one to /")
	errAccessDisabled = refusal(http.StatusForbidden, "access in conf.yaml allows no client to send this request")
	errNoToken        = refusal(http.StatusForbidden, "this request needs a token, and the service has no token credential")
	errRepeatedField  = &requestError{response: Response{Status: http.StatusBadRequest, Close: true},
		message: "the request is malformed or ambiguous: Authorization, Range or If-Range is repeated"}
	errLines = &requestError{response: Response{Status: http.StatusBadRequest, Close: true},
		message: fmt.Sprintf("the header fields If-Match, If-None-Match, Content-Encoding and Content-Range have more than %d lines together", maxLines)}
	errHost = &requestError{response: Response{Status: http.StatusBadRequest, Close: true},
		message: "the request is malformed or ambiguous: no https URI has the value of Host"}
	errDraining = &requestError{response: Response{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, Close: true},
		message: "the service is stopping"}
	errPartialBody = refusal(http.StatusBadRequest, "a write with the header field Content-Range is refused: the body must be the whole state")
	errEncodedBody = &requestError{response: Response{Status: http.StatusUnsupportedMediaType, AcceptEncoding: "identity"},
		message: "the header field Content-Encoding may only be identity: send the state as it is to be stored"}
	errNoLength      = refusal(http.StatusLengthRequired, "the length of the body is unknown: send Content-Length, which is 0 for an empty state, or chunks")
	errNoCertificate = &requestError{response: Response{Status: http.StatusForbidden, Close: true}, // the next connection can have one
		message: "this request needs a client certificate of an authority in the client-ca credential"}
	errUnauthorized = &requestError{response: Response{Status: http.StatusUnauthorized, WWWAuthenticate: `Bearer realm="foobar"`},
		message: "this request needs the header field Authorization: Bearer with a token of the token credential"}
	errUploadBudget = &requestError{response: Response{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, Close: true},
		message: "other uploads use all of limits.uploads: try again later"}
	errReadBudget = &requestError{response: Response{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter},
		message: "clients are reading too many earlier versions of the state: try again later"}
)

func badCondition(field string) error {
	return refusal(http.StatusBadRequest, fmt.Sprintf("the header field %s is empty or malformed: allowed are * or up to %d entity tags in quotation marks", field, maxETags))
}

func bodyTooLarge(limit int64) error {
	return &requestError{response: Response{Status: http.StatusRequestEntityTooLarge, Close: true},
		message: fmt.Sprintf("the body is larger than limits.state, %d bytes", limit)}
}

func rangeOutside(size int64) error {
	return &requestError{
		response: Response{Status: http.StatusRequestedRangeNotSatisfiable, ContentRange: fmt.Sprintf("bytes */%d", size)},
		message:  fmt.Sprintf("the range is outside the state, which has %d bytes", size)}
}

// bodyIncomplete is for a body that the client did not send to its end, or not
// in time.
func bodyIncomplete(cause error) error {
	status := http.StatusBadRequest
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		status = http.StatusRequestTimeout
	}
	refused := &requestError{response: Response{Status: status, Close: true}, message: "the body is incomplete"}
	return fmt.Errorf("%w: %w", refused, cause) // the cause is for the log
}

// Busy returns the response to a request that there is no room for.
func Busy() Response {
	return Response{
		Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, Close: true, ContentType: textType,
		Body: []byte("too many requests are in progress (limits.requests): try again later\n"),
	}
}

// errorResponse returns what the client gets for an error.
func errorResponse(r *Request, err error) Response {
	resp, message := publicResponse(r, err)
	resp.ContentType, resp.Body = textType, []byte(message+"\n")
	return resp
}

// publicResponse returns the response to an error, and its message for the client. Details of
// a failure of the storage are only in the log.
func publicResponse(r *Request, err error) (resp Response, message string) {
	var refused *requestError
	switch {
	case errors.As(err, &refused):
		return refused.response, refused.message
	case errors.Is(err, state.ErrPrecondition):
		return Response{Status: http.StatusPreconditionFailed}, state.ErrPrecondition.Error()
	case errors.Is(err, state.ErrUnknownOutcome): // before its cause
		return Response{Status: http.StatusGatewayTimeout},
			state.ErrUnknownOutcome.Error() + ": GET it and compare, or repeat the request with the same If-Match; the request ID is " + r.ID.String()
	case errors.Is(err, state.ErrUnavailable):
		return Response{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter},
			state.ErrUnavailable.Error() + "; the state is unchanged: try again later"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errUploadBudget.response, err.Error()
	case errors.Is(err, state.ErrNoSpace):
		return Response{Status: http.StatusInsufficientStorage},
			state.ErrNoSpace.Error() + "; the state is unchanged; the request ID is " + r.ID.String()
	}
	return Response{Status: http.StatusInternalServerError},
		"the state could not be read or stored; the log of the service has the reason under the request ID " + r.ID.String()
}

// logError logs why a request was refused or has failed. A refusal has level debug,
// because clients can cause any number of them.
func (a *API) logError(r *Request, status int, err error) {
	level, fields := zap.DebugLevel, []zap.Field{zap.Stringer("request_id", r.ID), zap.Int("status", status), zap.Error(err)}
	message := "request refused"
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		level, message = zap.ErrorLevel, fmt.Sprintf("%s failed with status %d", r.Method, status)
		fields = append(fields, Event(err).Field(), zap.String("method", r.Method))
	}
	a.log.Log(level, message, fields...)
}

// Event returns the journal's event for a failure of the storage. An error may have
// a method of that name.
func Event(err error) logging.Event {
	var described interface{ Event() logging.Event }
	switch {
	case errors.As(err, &described):
		return described.Event()
	case errors.Is(err, state.ErrNoSpace):
		return logging.NoSpace
	case errors.Is(err, state.ErrReadOnly):
		return logging.ReadOnly
	case errors.Is(err, state.ErrChanged), errors.Is(err, state.ErrOwner):
		return logging.StateChanged
	}
	return logging.WriteFailed
}
