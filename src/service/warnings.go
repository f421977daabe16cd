package service

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"

	"github.com/prometheus/procfs"
	"go.uber.org/zap"
)

// warnSuspicious logs settings and credentials that are allowed but rarely intended.
func (s *Service) warnSuspicious() {
	s.warned = time.Time{}
	s.warnExpiry(time.Now())
	access, creds := s.config.Access, s.credentials.Current()
	if access.NeedsToken() && !creds.HasToken() {
		s.log.Warn("no token credential, so requests that need a token are refused", logging.NoToken.Field())
	}
	if creds.ClientCAs != nil && !access.NeedsCertificate() {
		s.log.Warn("the client-ca credential is not used, as access in conf.yaml needs no client certificate")
	}
	for _, warning := range creds.Warnings(time.Now()) {
		s.log.Warn(warning)
	}
}

// reservedFiles is how many files the service opens besides the connections of
// HTTPS: the state, the sockets, the connections of the other listeners.
const reservedFiles = 64

// warnResources logs where the process may use less than the configuration
// allows clients to use.
func (s *Service) warnResources() {
	if files, err := maxOpenFiles(); err != nil {
		s.log.Warn("the limit of open files is not known", zap.Error(err))
	} else if uint64(s.config.Limits.Connections)+reservedFiles > files {
		s.log.Warn(fmt.Sprintf("limits.connections is %d, and the process may open %d files: "+
			"raise LimitNOFILE= of the unit (ulimit -n), or lower limits.connections", s.config.Limits.Connections, files))
	}
	// The file may be missing, and its text may be another than a number: there is
	// no limit then, or none that is known.
	text, _ := os.ReadFile(s.options.MemoryMaxFile)
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return
	}
	if err := CheckMemory(s.config, limit); err != nil {
		s.log.Warn(err.Error())
	}
}

// maxOpenFiles reads proc_pid_limits(5), as the unit denies getrlimit(2).
func maxOpenFiles() (uint64, error) {
	self, err := procfs.Self()
	if err != nil {
		return 0, err
	}
	limits, err := self.Limits()
	return limits.OpenFiles, err
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
	return config.Access{Read: effective(c.Access.Read), Write: effective(c.Access.Write), Health: effective(c.Access.Health)}
}

// warnOpened logs what a reload allows that was refused before. A conf.yaml that
// has lost its content, for example, has the default rules.
func (s *Service) warnOpened(before, now config.Access) {
	was := before.Grants()
	for i, g := range now.Grants() {
		if g.AllowsMoreThan(was[i].AccessRule) {
			s.log.Warn(fmt.Sprintf("the reload opens %s over HTTPS to %s; it was open to %s", g.Verb, g.Holders(), was[i].Holders()))
		}
	}
}
