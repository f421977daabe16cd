package service

import (
	"fmt"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// warnSuspicious logs what is allowed and rarely intended.
func (s *Service) warnSuspicious() {
	s.warned = time.Time{}
	s.warnExpiry(time.Now())
	access, creds := s.config.Access, s.credentials.Current()
	if (access.Read.NeedsToken() || access.Write.NeedsToken()) && !creds.HasToken() {
		s.log.Warn("no token credential, so requests that need a token are refused", logging.NoToken.Field())
	}
	if creds.ClientCAs() != nil && !access.Read.NeedsCertificate() && !access.Write.NeedsCertificate() {
		s.log.Warn("the client-ca credential is not used, as access in conf.yaml needs no client certificate")
	}
	for _, warning := range creds.Warnings(time.Now()) {
		s.log.Warn(warning)
	}
}

// warnResources logs where the process may use less than the configuration
// allows clients to use.
func (s *Service) warnResources() {
	files, err := maxOpenFiles()
	if err == nil {
		err = checkOpenFiles(s.config, files)
	}
	if err != nil {
		s.log.Warn(err.Error())
	}
	memory, err := readMemoryMax(s.options.MemoryMaxFile)
	if err == nil && memory > 0 {
		err = CheckMemory(s.config, memory)
	}
	if err != nil {
		s.log.Warn(err.Error())
	}
}

// warnExpiry logs once a day that the certificate expires soon or has expired.
func (s *Service) warnExpiry(now time.Time) {
	leaf := s.credentials.Current().Leaf()
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

// effectiveAccess returns the rules of access as the credentials make them: a
// rule that needs a token allows nobody while there is none.
func effectiveAccess(c config.Config, creds *credentials.Set) config.Access {
	effective := func(rule config.AccessRule) config.AccessRule {
		if rule.NeedsToken() && !creds.HasToken() {
			return config.Nobody
		}
		return rule
	}
	return config.Access{Read: effective(c.Access.Read), Write: effective(c.Access.Write)}
}

// warnOpened logs what a reload allows that was refused before. A conf.yaml that
// has lost its content, for example, has the default rules.
func (s *Service) warnOpened(before, now config.Access) {
	for _, access := range []struct {
		verb        string
		before, now config.AccessRule
	}{{"reading", before.Read, now.Read}, {"writing", before.Write, now.Write}} {
		if access.now.AllowsMoreThan(access.before) {
			s.log.Warn(fmt.Sprintf("the reload opens %s over HTTPS to %s; it was open to %s", access.verb, access.now.Holders(), access.before.Holders()))
		}
	}
}
