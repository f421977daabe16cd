package credentials

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Warnings returns what of s works at most for some clients, as sentences. That
// the server's certificate expires is not among them; see ExpiresSoon.
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
