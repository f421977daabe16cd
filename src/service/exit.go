package service

import (
	"errors"

	"foobar/src/listen"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// A ConfigError marks an error that a restart cannot fix. The process ends with
// exit status 78, and the unit does not restart it.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// logExit logs to the journal why the service ends, and returns err. The caller
// writes err to standard error as well: journald looks up an entry's unit when
// it reads the entry, which may be after the process has ended, and knows it of
// standard error in any case.
func (s *Service) logExit(message string, err error) error {
	if err != nil && s.sockets.Journal != nil {
		s.log.Error(message, exitEvent(err).Field(), zap.Error(err))
	}
	return err
}

func exitEvent(err error) logging.Event {
	event, ok := contentEvent(err)
	switch {
	case ok:
		return event
	case errors.Is(err, listen.ErrMissing):
		return logging.SocketMissing
	case errors.As(err, new(*ConfigError)):
		return logging.WrongConfiguration
	}
	return logging.Failed
}
