package credentials

import (
	"crypto/tls"
	"sync/atomic"
)

// A Store has the Set in use. Its methods may be called from several goroutines
// at once, except that only one may call Reload.
type Store struct {
	files Files
	set   atomic.Pointer[Set]
}

// A Validator returns why a Set that is valid in itself cannot be used, or nil.
type Validator func(*Set) error

// Open returns a Store after a first load of the files.
func Open(f Files, validate Validator) (*Store, error) {
	s := &Store{files: f}
	return s, s.Reload(validate)
}

// Reload loads the files again. After an error, also one of validate, the Set in
// use stays the same.
func (s *Store) Reload(validate Validator) error {
	set, err := Load(s.files)
	if err != nil {
		return err
	}
	if err := validate(set); err != nil {
		return err
	}
	s.set.Store(set)
	return nil
}

// Current returns the Set in use.
func (s *Store) Current() *Set { return s.set.Load() }

// GetCertificate returns the certificate in use, for tls.Config.GetCertificate.
// A Reload changes the certificate of new handshakes; open connections go on.
func (s *Store) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &s.Current().Certificate, nil
}
