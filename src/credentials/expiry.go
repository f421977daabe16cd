package credentials

import (
	"crypto/x509"
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
