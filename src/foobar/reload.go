package main

import (
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/metrics"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// reload takes changed configuration and credentials, both or neither.
func (s *service) reload() {
	s.tell(s.notifier.Reloading())
	c, err := s.reread()
	if err == nil {
		s.apply(c)
	}
	s.loaded(err)
	s.tell(s.notifier.Ready(s.status()))
}

// reread loads both before anything changes.
func (s *service) reread() (config.Config, error) {
	c, err := loadConfig(s.flags.config)
	if err != nil {
		return c, err
	}
	return c, s.creds.Reload()
}

func (s *service) apply(c config.Config) {
	s.config = c
	s.level.SetLevel(zapcore.Level(c.Log.Level))
	limitMemory(c)
	s.api.Apply(apiSettings(c))
	for _, server := range s.servers {
		server.Apply(webSettings(c))
	}
}

// loaded says how a load ended, to whom it concerns.
func (s *service) loaded(err error) {
	s.refused = err
	creds := s.creds.Current()
	s.metrics.Loaded(err, creds.Leaf())
	if err != nil {
		s.log.Error("configuration refused, the one in force stays", zap.Error(err))
		return
	}
	s.metrics.Limits(metrics.Limits{State: int64(s.config.Limits.State), Connections: int(s.config.Limits.Connections)})
	s.log.Info("configuration loaded", zap.String("config", s.flags.config), zap.Time("certificate_not_after", creds.Leaf().NotAfter))
	s.warn(creds)
}

// warn points out what is allowed and rarely meant.
func (s *service) warn(creds *credentials.Set) {
	if left := time.Until(creds.Leaf().NotAfter); left < 0 {
		s.log.Warn("the certificate has expired", zap.Time("not_after", creds.Leaf().NotAfter))
	}
	needed := config.Token == s.config.Access.Read || config.Token == s.config.Access.Write
	if needed && !creds.HasToken() {
		s.log.Warn("no token credential: what access gives to its holder is refused to all")
	}
}
