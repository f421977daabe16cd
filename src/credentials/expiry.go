package credentials

import (
	"crypto/x509"
	"fmt"
	"time"
)

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
