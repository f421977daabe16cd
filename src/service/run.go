package service

import (
	"context"
	"errors"
	"os"
	"time"

	"foobar/src/logging"

	"go.uber.org/zap"
)

// closeTimeout is how long Close may take after the last request has ended.
const closeTimeout = 30 * time.Second

// Run opens a service, serves until ctx ends, and closes it.
func Run(ctx context.Context, o Options, reload <-chan os.Signal) error {
	s, err := Open(o)
	if err != nil {
		return err
	}
	return s.logExit("ended", errors.Join(s.Run(ctx, reload), s.Close()))
}

// Run serves until ctx ends, and then finishes the requests in flight. Each
// value of reload has it load configuration and credentials again.
func (s *Service) Run(ctx context.Context, reload <-chan os.Signal) error {
	failed := make(chan error, len(s.servers))
	for _, server := range s.servers {
		go func() {
			if err := server.Run(); err != nil {
				failed <- err
			}
		}()
	}
	go releaseMemory(ctx, releaseInterval, readHeapSize())
	s.log.Info("foobar "+s.options.Version+" has started", logging.Started.Field(), zap.String("version", s.options.Version))
	s.logNotifyError(s.notifier.Ready(s.status()))
	s.metrics.WatchdogPing(s.interval)
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	var statusDue <-chan time.Time // fires when the status line has to follow a write
	for {
		select {
		case <-ctx.Done():
			s.stop()
			return nil
		case err := <-failed:
			s.stop()
			return err
		case <-reload:
			s.reload()
		case <-tick.C:
			s.pingWatchdog()
		case <-s.statusChanged:
			if statusDue == nil {
				statusDue = time.After(statusDebounce)
			}
		case <-statusDue:
			statusDue = nil
			s.logNotifyError(s.notifier.Status(s.status()))
		}
	}
}

// stop finishes the requests in flight within timeouts.shutdown.
func (s *Service) stop() {
	limit := time.Duration(s.config.Timeouts.Shutdown)
	s.log.Info("stopping", zap.Duration("limit", limit))
	s.logNotifyError(s.notifier.Stopping("Finishing requests in flight", limit+closeTimeout))
	s.stopping.Store(true)
	s.content.drain()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, len(s.servers))
	for _, server := range s.servers {
		go func() { done <- server.Shutdown(ctx) }()
	}
	for range s.servers {
		if err := <-done; err != nil {
			s.log.Warn("requests were interrupted: they were not complete after timeouts.shutdown", logging.RequestsCut.Field(), zap.Error(err))
		}
	}
	s.log.Info("stopped")
}
