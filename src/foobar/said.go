package main

import (
	"errors"

	"foobar/src/api"
	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
)

// said tells the journal, if there is one, why the service ends, and returns err,
// which main says once more: journald finds out whose an entry is when it reads
// it, and where the process has ended by then the entry is nobody's. A line on
// standard error is the unit's in any case.
func (s *service) said(what string, err error) error {
	if err != nil && s.sockets.Journal != nil {
		s.log.Error(what, reason(err).Field(), zap.Error(err))
	}
	return err
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
