package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"foobar/src/api"

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
	if err := s.healthy(); err != nil {
		s.log.Error("not healthy, the watchdog is not fed", zap.Error(err))
		s.tell(s.notifier.Status("Not healthy: " + err.Error()))
		return
	}
	s.tell(s.notifier.Alive(s.status()))
	s.metrics.Alive(s.tickInterval())
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
	expiry := s.creds.Current().Leaf().NotAfter
	line := fmt.Sprintf("Serving HTTPS on %s: %s; certificate valid until %s", s.sockets.HTTPS.Addr(), state, expiry.Format(time.DateOnly))
	if time.Now().After(expiry) {
		line = fmt.Sprintf("Serving HTTPS on %s: %s; CERTIFICATE EXPIRED %s", s.sockets.HTTPS.Addr(), state, expiry.Format(time.DateOnly))
	}
	if s.refused != nil {
		line += "; RELOAD REFUSED, old settings in force: " + s.refused.Error()
	}
	return line
}

// tell logs what systemd could not be told.
func (s *service) tell(err error) {
	if err != nil {
		s.log.Warn("systemd was not told", zap.Error(err))
	}
}
