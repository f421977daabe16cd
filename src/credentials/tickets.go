package credentials

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"time"
)

// TicketKeys returns the keys of TLS session tickets at a time, for
// tls.Config.SetSessionTicketKeys: that of the day, which encrypts new tickets, that
// of the day before, and that of the next day, for tickets of a machine whose clock
// is ahead. Days begin at 00:00 UTC.
//
// The keys are derived from the private key and the certificate (HKDF, RFC 5869), so
// that all processes with the same credentials have the same keys, one after another
// and on several machines. It returns nil for a private key that has no encoding in
// PKCS #8, which Load does not return.
func (s *Set) TicketKeys(now time.Time) (keys [][32]byte) {
	secret, err := x509.MarshalPKCS8PrivateKey(s.Certificate.PrivateKey)
	if err != nil {
		return nil
	}
	for _, days := range []int{0, -1, 1} {
		info := "foobar session tickets " + now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
		key, err := hkdf.Key(sha256.New, secret, s.Leaf().Raw, info, sha256.Size)
		if err != nil {
			return nil
		}
		keys = append(keys, [32]byte(key))
	}
	return keys
}
