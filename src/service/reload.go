package service

import (
	"fmt"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// Load reads the configuration and the credentials as a Service does, and
// checks them against each other. Every error is a ConfigError. An empty path
// stands for the default configuration.
func Load(configFile string, files credentials.Files) (c config.Config, set *credentials.Set, err error) {
	c = config.Default()
	if configFile != "" {
		if c, err = config.Load(configFile); err != nil {
			return c, nil, &ConfigError{err}
		}
	}
	if set, err = credentials.Load(files); err != nil {
		return c, nil, &ConfigError{err}
	}
	for _, g := range c.Access.Grants() {
		if g.NeedsCertificate() && set.ClientCAs == nil {
			return c, nil, &ConfigError{fmt.Errorf("%s is %s, and there is no client-ca credential to verify certificates with", g.Key, g.AccessRule)}
		}
	}
	return c, set, nil
}

// reload puts changed configuration and credentials in force, both or neither.
func (s *Service) reload() {
	s.logNotifyError(s.notifier.Reloading())
	before := effectiveAccess(s.config, s.credentials.Current())
	c, set, err := Load(s.options.ConfigFile, s.options.Credentials)
	if err == nil {
		err = s.content.Apply(c)
	}
	if err == nil {
		s.credentials.Replace(set)
		s.apply(c)
	}
	s.recordReload(err)
	s.warnOpened(before, effectiveAccess(s.config, s.credentials.Current()))
	s.logNotifyError(s.notifier.Ready(s.status()))
}

func (s *Service) apply(c config.Config) {
	s.config = c
	s.level.SetLevel(c.Log.Level)
	limitMemory(c)
	s.policy.Apply(c.Access)
	s.content.apply(c)
	for _, server := range s.servers {
		server.Apply(s.serverSettings())
	}
	s.renewTicketKeys()
}

// renewTicketKeys has the servers follow the day and the certificate.
func (s *Service) renewTicketKeys() {
	keys := s.credentials.Current().TicketKeys(time.Now())
	for _, server := range s.servers {
		server.SetTicketKeys(keys)
	}
}

// recordReload shows in log, metrics and status line how a load ended.
func (s *Service) recordReload(err error) {
	s.reloadErr = err
	creds := s.credentials.Current()
	s.metrics.ObserveReload(err, creds.Leaf())
	if err != nil {
		s.log.Error("reload rejected (foobar status shows it, systemctl reload does not), keeping the current configuration and credentials", logging.ReloadRejected.Field(), zap.Error(err))
		return
	}
	s.metrics.SetLimits(int64(s.config.Limits.State), s.config.Limits.Connections)
	s.log.Info("configuration loaded", logging.Loaded.Field(), zap.String("config", s.options.ConfigFile), zap.Strings("credentials", creds.Describe()), zap.Time("certificate_not_after", creds.Leaf().NotAfter))
	s.warnSuspicious()
	s.warnResources()
}
