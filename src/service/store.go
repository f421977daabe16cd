package service

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"foobar/src/api"
	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
)

// checkpointDelay is how soon after a write an administrator finds it in the
// statefile.
const checkpointDelay = 100 * time.Millisecond

func (s *Service) openStore() (err error) {
	s.store, err = state.Open(state.Options{
		Dir: s.options.DataDir, CheckpointDelay: checkpointDelay,
		OnCommit: s.onCommit, Log: s.logStorage,
	})
	if err != nil {
		return storeError(err)
	}
	if v := s.store.Current(); v != nil {
		s.metrics.SetState(len(v.Data), v.Modified)
	}
	s.metrics.RegisterStateDirectory(s.options.DataDir)
	return nil
}

// storeError makes a ConfigError of what a restart cannot fix.
func storeError(err error) error {
	for _, permanent := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, state.ErrOwner, state.ErrChanged} {
		if errors.Is(err, permanent) {
			return &ConfigError{fmt.Errorf("-data: %w", err)}
		}
	}
	return err
}

// logStorage logs what the store has recovered and what has failed.
func (s *Service) logStorage(message string, err error) {
	if err != nil {
		s.log.Error(message, api.Event(err).Field(), zap.Error(err))
		return
	}
	s.log.Info(message, logging.Recovered.Field())
}

// onCommit records a commit, and has the status line follow it.
func (s *Service) onCommit(total, fsync time.Duration, size int) {
	s.metrics.ObserveCommit(total, fsync, size)
	select {
	case s.committed <- struct{}{}:
	default:
	}
}
