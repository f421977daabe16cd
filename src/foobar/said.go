package main

import (
	"errors"

	"foobar/src/api"
	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
)

// A saidError is in the journal already, with its fields; main need not say it
// again.
type saidError struct{ err error }

func (e *saidError) Error() string { return e.err.Error() }
func (e *saidError) Unwrap() error { return e.err }

// said tells the journal, if there is one, why the service ends. What it
// returns exits as err does.
func (s *service) said(what string, err error) error {
	if err == nil || s.sockets.Journal == nil {
		return err
	}
	s.log.Error(what, reason(err).Field(), zap.Error(err))
	return &saidError{err}
}

func reason(err error) logging.Event {
	for _, of := range []error{state.ErrNoSpace, state.ErrReadOnly, state.ErrChanged, state.ErrOwner, state.ErrFailed} {
		if errors.Is(err, of) {
			return api.Event(err)
		}
	}
	var wrong *configError
	if errors.As(err, &wrong) {
		return logging.WrongConfiguration
	}
	return logging.Failed
}
