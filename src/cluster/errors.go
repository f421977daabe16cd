package cluster

import (
	"errors"
	"fmt"

	"foobar/src/logging"
	"foobar/src/state"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
)

// A storeError is an error that an administrator has to end. Its event explains it.
type storeError struct {
	event logging.Event
	cause error
}

func (e *storeError) Error() string        { return e.cause.Error() }
func (e *storeError) Unwrap() error        { return e.cause }
func (e *storeError) Event() logging.Event { return e.event }

// rejection returns the error of a call that has failed for good: etcd has rejected
// it, and would reject it again, or what etcd has cannot be used. It returns nil for a
// call that may have been executed, or that another member may execute.
func rejection(err error) error {
	var e rpctypes.EtcdError
	var permanent *storeError
	switch {
	case errors.As(err, &permanent), errors.Is(err, errUnresolvable):
		return err
	case !errors.As(err, &e):
		return nil
	case e == rpctypes.ErrNoSpace:
		return fmt.Errorf("%w: %w", state.ErrNoSpace, err)
	case e == rpctypes.ErrUserEmpty, e == rpctypes.ErrRequestTooLarge,
		e.Code() == codes.PermissionDenied, e.Code() == codes.Unauthenticated, e.Code() == codes.DataLoss:
		return &storeError{eventDenied, fmt.Errorf("etcd rejects the call: %w", err)}
	}
	return nil
}

var errTimeout = errors.New("no quorum of etcd's members has answered within cluster.timeout")

func unavailable(cause error) error { return fmt.Errorf("%w: %w", state.ErrUnavailable, cause) }

func unknownOutcome(cause error) error { return fmt.Errorf("%w: %w", state.ErrUnknownOutcome, cause) }
