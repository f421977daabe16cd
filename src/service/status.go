package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"foobar/src/credentials"
	"foobar/src/logging"

	"go.uber.org/zap"
)

const (
	// statusInterval is how often the status line is brought up to date where no
	// watchdog asks for more.
	statusInterval = 10 * time.Second
	// statusDebounce is how long the status line may be behind a write, so that
	// many writes cost one message.
	statusDebounce = time.Second
)

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
