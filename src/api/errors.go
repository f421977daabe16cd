package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"foobar/src/logging"
	"foobar/src/request"
	"foobar/src/state"

	"go.uber.org/zap"
)

// The refusals that are always the same.
var (
	errNotFound      = request.Refuse(http.StatusNotFound, "this path does not exist: the path of the state is /")
	errNoState       = request.Refuse(http.StatusNotFound, "no state has been stored yet: POST one to /")
	errRepeatedField = &request.Refusal{Response: Response{Status: http.StatusBadRequest, Close: true}, Message: "the request is malformed or ambiguous: Authorization, Range or If-Range is repeated"}
	errLines         = &request.Refusal{Response: Response{Status: http.StatusBadRequest, Close: true}, Message: fmt.Sprintf("the header fields If-Match, If-None-Match, Content-Encoding and Content-Range have more than %d lines together", maxLines)}
	errHost          = &request.Refusal{Response: Response{Status: http.StatusBadRequest, Close: true}, Message: "the request is malformed or ambiguous: no https URI has the value of Host"}
	errDraining      = &request.Refusal{Response: Response{Status: http.StatusServiceUnavailable, RetryAfter: request.RetryAfter, Close: true}, Message: "the service is stopping"}
	errPartialBody   = request.Refuse(http.StatusBadRequest, "a write with the header field Content-Range is refused: the body must be the whole state")
	errEncodedBody   = &request.Refusal{Response: Response{Status: http.StatusUnsupportedMediaType, AcceptEncoding: "identity"}, Message: "the header field Content-Encoding may only be identity: send the state as it is to be stored"}
	errNoLength      = request.Refuse(http.StatusLengthRequired, "the length of the body is unknown: send Content-Length, which is 0 for an empty state, or chunks")
	errUploadBudget  = &request.Refusal{Response: Response{Status: http.StatusServiceUnavailable, RetryAfter: request.RetryAfter, Close: true}, Message: "other uploads use all of limits.uploads: try again later"}
	errReadBudget    = &request.Refusal{Response: Response{Status: http.StatusServiceUnavailable, RetryAfter: request.RetryAfter}, Message: "clients are reading too many earlier versions of the state: try again later"}
)

func badCondition(field string) error {
	return request.Refuse(http.StatusBadRequest, fmt.Sprintf("the header field %s is empty or malformed: allowed are * or up to %d entity tags in quotation marks", field, maxETags))
}

func bodyTooLarge(limit int64) error {
	return &request.Refusal{Response: Response{Status: http.StatusRequestEntityTooLarge, Close: true}, Message: fmt.Sprintf("the body is larger than limits.state, %d bytes", limit)}
}

func rangeOutside(size int64) error {
	return &request.Refusal{Response: Response{Status: http.StatusRequestedRangeNotSatisfiable, ContentRange: fmt.Sprintf("bytes */%d", size)}, Message: fmt.Sprintf("the range is outside the state, which has %d bytes", size)}
}

// bodyIncomplete is for a body that the client did not send to its end, or not
// in time.
func bodyIncomplete(cause error) error {
	status := http.StatusBadRequest
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		status = http.StatusRequestTimeout
	}
	refused := &request.Refusal{Response: Response{Status: status, Close: true}, Message: "the body is incomplete"}
	return fmt.Errorf("%w: %w", refused, cause) // the cause is for the log
}

// errorResponse returns what the client gets for an error. Details of a failure of
// the storage are only in the log.
func errorResponse(r *Request, err error) Response {
	var refused *request.Refusal
	switch {
	case errors.As(err, &refused):
	case errors.Is(err, state.ErrPrecondition):
		refused = request.Refuse(http.StatusPreconditionFailed, state.ErrPrecondition.Error())
	case errors.Is(err, state.ErrUnknownOutcome): // before its cause
		refused = request.Refuse(http.StatusGatewayTimeout, state.ErrUnknownOutcome.Error()+": GET it and compare, or repeat the request with the same If-Match; the request ID is "+r.ID.String())
	case errors.Is(err, state.ErrUnavailable):
		refused = &request.Refusal{Response: errReadBudget.Response, Message: state.ErrUnavailable.Error() + "; the state is unchanged: try again later"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		refused = &request.Refusal{Response: errUploadBudget.Response, Message: err.Error()}
	case errors.Is(err, state.ErrNoSpace):
		refused = request.Refuse(http.StatusInsufficientStorage, state.ErrNoSpace.Error()+"; the state is unchanged; the request ID is "+r.ID.String())
	default:
		refused = request.Refuse(http.StatusInternalServerError, "the state could not be read or stored; the log of the service has the reason under the request ID "+r.ID.String())
	}
	return refused.Answer()
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
