package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"foobar/src/api"
	"foobar/src/credentials"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// statusInterval is how often the status line is brought up to date where no
// watchdog asks for more.
const statusInterval = 10 * time.Second

// statusPause is how long the status line may be behind a write, so that many
// writes cost one message.
const statusPause = time.Second

func (s *service) tickInterval() time.Duration {
	if s.watchdog > 0 && s.watchdog < statusInterval {
		return s.watchdog
	}
	return statusInterval
}

// alive feeds the watchdog from the loop that also takes signals, and only
// while requests are answered.
func (s *service) alive() {
	s.warnOfExpiry(time.Now())
	if err := s.healthy(); err != nil {
		s.log.Error("not healthy, the watchdog is not fed", logging.NotHealthy.Field(), zap.Error(err))
		s.tell(s.notifier.Status("Not healthy: " + err.Error()))
		return
	}
	s.tell(s.notifier.Watchdog(s.status()))
	s.metrics.WatchdogPing(s.tickInterval())
}

// healthy asks the API itself.
func (s *service) healthy() error {
	resp := s.api.Serve(context.Background(), &api.Request{Method: http.MethodHead, Path: "/", Trusted: true})
	if resp.Status >= http.StatusInternalServerError {
		return fmt.Errorf("HEAD / answers %d", resp.Status)
	}
	return nil
}

// ready says whether new requests are welcome.
func (s *service) ready() error {
	select {
	case <-s.stopping:
		return errors.New("stopping")
	default:
		return errors.Join(s.healthy(), s.store.Check())
	}
}

// status is the line that `systemctl status` shows.
func (s *service) status() string {
	state := "no state stored yet"
	if v := s.store.Current(); v != nil {
		state = fmt.Sprintf("state of %d bytes, written %s", len(v.Data), v.Modified.Format(time.DateTime))
	}
	line := fmt.Sprintf("Serving HTTPS on %s: %s; %s", s.sockets.HTTPS.Addr(), state, validity(s.creds.Current().Leaf(), time.Now()))
	if s.refused != nil {
		line += "; RELOAD REFUSED, old settings in force: " + s.refused.Error()
	}
	return line
}

// validity is what an administrator wants to know of the certificate.
func validity(leaf *x509.Certificate, now time.Time) string {
	day := leaf.NotAfter.Format(time.DateOnly)
	left := leaf.NotAfter.Sub(now)
	switch {
	case left < 0:
		return "CERTIFICATE EXPIRED " + day
	case !credentials.ExpiresSoon(leaf, now):
		return "certificate valid until " + day
	case left < 48*time.Hour:
		return fmt.Sprintf("CERTIFICATE EXPIRES IN %d HOURS, %s", left/time.Hour, day)
	}
	return fmt.Sprintf("CERTIFICATE EXPIRES IN %d DAYS, %s", left/(24*time.Hour), day)
}

// tell logs what systemd could not be told.
func (s *service) tell(err error) {
	if err != nil {
		s.log.Warn("systemd was not told", logging.NotifyFailed.Field(), zap.Error(err))
	}
}
