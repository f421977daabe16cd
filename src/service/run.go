package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"foobar/src/credentials"
	"foobar/src/logging"

	"go.uber.org/zap"
)

const (
	// closeTimeout is how long Close may take after the last request has ended.
	closeTimeout = 30 * time.Second
	// statusInterval is how often the status line is brought up to date where no
	// watchdog asks for more.
	statusInterval = 10 * time.Second
	// statusDebounce is how long the status line may be behind a write, so that
	// many writes cost one message.
	statusDebounce = time.Second
)

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
	var servers sync.WaitGroup
	for _, server := range s.servers {
		servers.Go(func() {
			if err := server.Shutdown(ctx); err != nil {
				s.log.Warn("requests were interrupted: they were not complete after timeouts.shutdown", logging.RequestsCut.Field(), zap.Error(err))
			}
		})
	}
	servers.Wait()
	s.log.Info("stopped")
}

// pingWatchdog notifies systemd from the loop that also takes signals, and only
// while requests are answered.
func (s *Service) pingWatchdog() {
	s.warnExpiry(time.Now())
	s.renewTicketKeys()
	if err := s.content.healthy(); err != nil {
		s.log.Error("the service is not healthy, so systemd's watchdog is not notified", logging.NotHealthy.Field(), zap.Error(err))
		s.logNotifyError(s.notifier.Status("Not healthy: " + err.Error()))
		return
	}
	s.logNotifyError(s.notifier.Watchdog(s.status()))
	s.metrics.WatchdogPing(s.interval)
}

// ready returns why the service takes no requests, or nil.
func (s *Service) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	return errors.Join(s.content.healthy(), s.content.Check(context.Background()))
}

// status returns the line that `systemctl status` shows.
func (s *Service) status() string {
	certificate := credentials.Validity(s.credentials.Current().Leaf(), time.Now())
	var addresses []string
	for _, l := range s.sockets.HTTPS {
		addresses = append(addresses, l.Addr().String())
	}
	line := fmt.Sprintf("Serving HTTPS on %s: %s; %s", strings.Join(addresses, ", "), s.content.Status(), certificate)
	if s.reloadErr != nil {
		line += "; RELOAD REJECTED, keeping the previous settings: " + s.reloadErr.Error()
	}
	return line
}

// notifyLater has the status line follow a change of the content.
func (s *Service) notifyLater() {
	select {
	case s.statusChanged <- struct{}{}:
	default:
	}
}

// logNotifyError logs that a notification did not reach systemd.
func (s *Service) logNotifyError(err error) {
	if err != nil {
		s.log.Warn("systemd was not notified", logging.NotifyFailed.Field(), zap.Error(err))
	}
}
