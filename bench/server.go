package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"foobar/bench/load"
)

// A server is a peer that runs.
type server struct {
	name    string
	address string
	// path of what is size bytes long, once put has been called for that size
	path    func(size int) string
	put     func(size int) error
	write   write
	dial    func(address string) (net.Conn, error) // nil: net.Dial
	netns   string                                 // path of its network namespace; "" is this program's
	openssl string                                 // configuration of OpenSSL for clients
	pids    func() []int
	check   func() error // why it is gone
	stop    func()
}

// A write is how clients of a server replace what it serves. The zero value is
// for servers that cannot.
type write struct{ method, path, token string }

// clientTLS is what our own client offers: the suite of the comparison first, TLS
// 1.3 only.
func clientTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}
}

func (s *server) target() load.Target {
	return load.Target{Address: s.address, TLS: clientTLS(), Dial: s.dial}
}

func (s *server) url(size int) string { return "https://" + s.address + s.path(size) }

// ready waits until s answers a handshake.
func (s *server) ready() error {
	var err error
	for range 500 {
		if err := s.check(); err != nil {
			return err
		}
		var c *load.Conn
		if c, err = s.target().Connect(); err == nil {
			c.Close()
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s is not up: %w", s.name, err)
}

// serve makes s answer with size bytes, and checks that it does so in the way
// that is compared.
func (s *server) serve(size int) error {
	if err := s.put(size); err != nil {
		return fmt.Errorf("%s: put %d bytes: %w", s.name, size, err)
	}
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := c.Exchange(load.Get(s.path(size)))
	if err != nil {
		return fmt.Errorf("%s: GET %s: %w", s.name, s.path(size), err)
	}
	if got != size {
		return fmt.Errorf("%s: GET %s: %d bytes, want %d", s.name, s.path(size), got, size)
	}
	return s.comparable(c.TLS.ConnectionState())
}

func (s *server) comparable(state tls.ConnectionState) error {
	key, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return fmt.Errorf("%s: the certificate is not ECDSA P-256", s.name)
	}
	if state.Version != tls.VersionTLS13 || state.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		return fmt.Errorf("%s: %s with %s", s.name, tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
	}
	return nil
}

// post is put for servers that are written to over HTTPS.
func (s *server) post(size int) error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exchange(load.Write(s.write.method, s.write.path, s.write.token, load.Body(size)))
	return err
}

// A files is a directory with one file for each size.
type files string

func (f files) path(size int) string { return fmt.Sprintf("/%d", size) }

func (f files) put(size int) error {
	path := filepath.Join(string(f), f.path(size))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err // it is there, or nobody knows
	}
	return os.WriteFile(path, load.Body(size), 0o644)
}
