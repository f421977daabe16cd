package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"foobar/src/api"
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
	if err := s.healthy(); err != nil {
		s.log.Error("the service is not healthy, so systemd's watchdog is not notified", logging.NotHealthy.Field(), zap.Error(err))
		s.logNotifyError(s.notifier.Status("Not healthy: " + err.Error()))
		return
	}
	s.logNotifyError(s.notifier.Watchdog(s.status()))
	s.metrics.WatchdogPing(s.interval)
}

// healthy returns an error where the API does not answer. It does not ask the
// store, which may have to wait for a network that a restart does not repair.
func (s *Service) healthy() error {
	resp := s.api.Serve(context.Background(), &api.Request{Method: http.MethodOptions, Path: "*", Client: api.Client{Trusted: true}})
	if resp.Status == http.StatusInternalServerError {
		return fmt.Errorf("OPTIONS * has status %d", resp.Status)
	}
	return nil
}

// ready returns why the service takes no requests, or nil.
func (s *Service) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	return errors.Join(s.healthy(), s.store.Check(context.Background()))
}

// status returns the line that `systemctl status` shows.
func (s *Service) status() string {
	state := "no state stored yet"
	v, about := s.store.Status()
	if v != nil {
		state = fmt.Sprintf("state of %d bytes, written %s", len(v.Data), v.Modified.Format(time.DateTime))
	}
	if about != "" {
		state += ", " + about
	}
	certificate := credentials.Validity(s.credentials.Current().Leaf(), time.Now())
	var addresses []string
	for _, l := range s.sockets.HTTPS {
		addresses = append(addresses, l.Addr().String())
	}
	line := fmt.Sprintf("Serving HTTPS on %s: %s; %s", strings.Join(addresses, ", "), state, certificate)
	if s.reloadErr != nil {
		line += "; RELOAD REJECTED, keeping the previous settings: " + s.reloadErr.Error()
	}
	return line
}

// logNotifyError logs that a notification did not reach systemd.
func (s *Service) logNotifyError(err error) {
	if err != nil {
		s.log.Warn("systemd was not notified", logging.NotifyFailed.Field(), zap.Error(err))
	}
}
