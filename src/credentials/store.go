package credentials

import (
	"crypto/tls"
	"sync/atomic"
)

// A Store has the Set in use. Its methods may be called from several goroutines
// at once.
type Store struct{ set atomic.Pointer[Set] }

// NewStore returns a Store with a Set in use.
func NewStore(set *Set) *Store {
	s := &Store{}
	s.Replace(set)
	return s
}

// Replace puts another Set in use. New handshakes get its certificate; open connections
// stay open.
func (s *Store) Replace(set *Set) { s.set.Store(set) }

// Current returns the Set in use.
func (s *Store) Current() *Set { return s.set.Load() }

// GetCertificate returns the certificate in use, for tls.Config.GetCertificate.
func (s *Store) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &s.Current().Certificate, nil
}
