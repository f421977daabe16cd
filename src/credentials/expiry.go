package credentials

import (
	"crypto/x509"
	"fmt"
	"time"
)

// notice is how long before its end a certificate expires soon: a week and more
// after the usual tools should have renewed it, 30 days before, and three weeks
// to find out why they have not.
const notice = 21 * 24 * time.Hour

// ExpiresSoon says whether a certificate needs somebody's attention, or is past
// that. One that lives for less than twelve weeks gets a quarter of its life.
func ExpiresSoon(c *x509.Certificate, now time.Time) bool {
	life := c.NotAfter.Sub(c.NotBefore)
	return now.Add(min(notice, life/4)).After(c.NotAfter)
}

// Validity returns until when a certificate is valid, as a phrase for an
// administrator, in capitals where the certificate needs attention.
func Validity(c *x509.Certificate, now time.Time) string {
	day := c.NotAfter.Format(time.DateOnly)
	left := c.NotAfter.Sub(now)
	switch {
	case left < 0:
		return "CERTIFICATE EXPIRED " + day
	case !ExpiresSoon(c, now):
		return "certificate valid until " + day
	case left < 48*time.Hour:
		return fmt.Sprintf("CERTIFICATE EXPIRES IN %d HOURS, %s", left/time.Hour, day)
	}
	return fmt.Sprintf("CERTIFICATE EXPIRES IN %d DAYS, %s", left/(24*time.Hour), day)
}
