package main

import (
	"fmt"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"
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
	return c, s.creds.Reload(acceptance(c))
}

// acceptance says where credentials are at odds with the configuration: an
// access that asks for certificates without authorities to judge them by.
func acceptance(c config.Config) credentials.Validator {
	return func(set *credentials.Set) error {
		for _, access := range []struct {
			key string
			who config.AccessRule
		}{{"access.read", c.Access.Read}, {"access.write", c.Access.Write}} {
			if access.who.NeedsCertificate() && set.ClientCAs() == nil {
				return fmt.Errorf("%s is %s, and there is no client-ca credential to judge certificates by", access.key, access.who)
			}
		}
		return nil
	}
}

func (s *service) apply(c config.Config) {
	s.config = c
	s.level.SetLevel(zapcore.Level(c.Log.Level))
	limitMemory(c)
	s.api.Apply(apiSettings(c))
	for _, server := range s.servers {
		server.Apply(s.webSettings())
	}
}

// loaded says how a load ended, to whom it concerns.
func (s *service) loaded(err error) {
	s.refused = err
	creds := s.creds.Current()
	s.metrics.ObserveReload(err, creds.Leaf())
	if err != nil {
		s.log.Error("configuration refused, the one in force stays", logging.ReloadRefused.Field(), zap.Error(err))
		return
	}
	s.metrics.SetLimits(metrics.Limits{State: int64(s.config.Limits.State), Connections: int(s.config.Limits.Connections)})
	s.log.Info("configuration loaded", logging.Loaded.Field(), zap.String("config", s.flags.config), zap.Time("certificate_not_after", creds.Leaf().NotAfter))
	s.warn(creds)
}

// warn points out what is allowed and rarely meant.
func (s *service) warn(creds *credentials.Set) {
	s.warned = time.Time{}
	s.warnOfExpiry(time.Now())
	access := s.config.Access
	if (access.Read.NeedsToken() || access.Write.NeedsToken()) && !creds.HasToken() {
		s.log.Warn("no token credential: what access gives to its holder is refused to all", logging.NoToken.Field())
	}
	if creds.ClientCAs() != nil && !access.Read.NeedsCertificate() && !access.Write.NeedsCertificate() {
		s.log.Warn("there is a client-ca credential, and access asks nobody for a certificate")
	}
}

// warnOfExpiry says once a day that the certificate is about to expire, or has.
func (s *service) warnOfExpiry(now time.Time) {
	leaf := s.creds.Current().Leaf()
	if !credentials.ExpiresSoon(leaf, now) || now.Sub(s.warned) < 24*time.Hour {
		return
	}
	s.warned = now
	message, event := "the certificate expires soon", logging.CertificateExpires
	if now.After(leaf.NotAfter) {
		message, event = "the certificate has expired", logging.CertificateExpired
	}
	s.log.Warn(message, event.Field(), zap.Time("not_after", leaf.NotAfter))
}
