package credentials

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Warnings returns a sentence for each part of s that works at most for some clients. The
// expiry of the server's certificate is not among them; see ExpiresSoon.
func (s *Set) Warnings(now time.Time) []string {
	var all []string
	leaf := s.Leaf()
	if now.Before(leaf.NotBefore) {
		all = append(all, fmt.Sprintf("the certificate is not valid before %s: clients refuse it until then; check this machine's clock", formatTime(leaf.NotBefore)))
	}
	if firstName(leaf) == "" {
		all = append(all, "the certificate has no subject alternative name (SAN) with a host name or address: most clients refuse it")
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		all = append(all, "the key usage of the certificate lacks digitalSignature: some clients refuse it")
	}
	for i, c := range s.authorities {
		switch name := fmt.Sprintf("authority %d of client-ca, %.100q,", i+1, c.Subject); {
		case now.After(c.NotAfter):
			all = append(all, fmt.Sprintf("%s expired %s: its clients are refused", name, formatTime(c.NotAfter)))
		case now.Before(c.NotBefore):
			all = append(all, fmt.Sprintf("%s is not valid before %s: its clients are refused until then", name, formatTime(c.NotBefore)))
		case c.Version >= 3 && !(c.BasicConstraintsValid && c.IsCA):
			all = append(all, name+" is not an authority: only a client with this very certificate is accepted")
		}
	}
	return append(all, s.tokenWarnings...)
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// maxExpiryNotice is the longest time before the end of a certificate at which
// it expires soon. The usual tools renew 30 days before the end, so a renewal
// that is nine days late is noticed with three weeks left to repair it.
const maxExpiryNotice = 21 * 24 * time.Hour

// ExpiresSoon reports whether a certificate has expired, or will within three
// weeks or, if that is less, within a quarter of its lifetime.
func ExpiresSoon(c *x509.Certificate, now time.Time) bool {
	lifetime := c.NotAfter.Sub(c.NotBefore)
	return now.Add(min(maxExpiryNotice, lifetime/4)).After(c.NotAfter)
}

// Validity returns until when a certificate is valid, as a phrase for an
// administrator, in capitals where the certificate needs attention.
func Validity(c *x509.Certificate, now time.Time) string {
	day := c.NotAfter.Format(time.DateOnly)
	left := c.NotAfter.Sub(now)
	switch {
	case now.Before(c.NotBefore):
		return "CERTIFICATE NOT VALID BEFORE " + c.NotBefore.Format(time.DateTime)
	case left < 0:
		return "CERTIFICATE EXPIRED " + day
	case !ExpiresSoon(c, now):
		return "certificate valid until " + day
	case left < 48*time.Hour:
		return fmt.Sprintf("CERTIFICATE EXPIRES IN %d HOURS, %s", left/time.Hour, day)
	}
	return fmt.Sprintf("CERTIFICATE EXPIRES IN %d DAYS, %s", left/(24*time.Hour), day)
}
