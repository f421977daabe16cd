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
	workdir *workdir
	// path returns where size bytes are served, once put was called with that
	// size. Both are nil for servers that do not speak HTTP.
	path  func(size int) string
	put   func(size int) error
	write writeRequest
	dial  func(address string) (net.Conn, error) // nil: net.Dial
	netns string                                 // path of its network namespace; "": this program's
	pids  func() []int
	ready func() error // nil once the server answers
	check func() error // an error once the server has ended
	stop  func()
	// restart ends the process and starts another one with the same data.
	restart func() error
}

// A writeRequest is how clients replace what a server serves. The zero value is
// for servers that serve files only.
type writeRequest struct{ method, path, token string }

// clientTLS is what our own client offers: TLS 1.3, and no ALPN, which means
// HTTP/1.1.
func clientTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}
}

func (s *server) target() load.Target {
	return load.Target{Address: s.address, TLS: clientTLS(), Dial: s.dial}
}

func (s *server) url(size int) string { return "https://" + s.address + s.path(size) }

// handshake reports whether the server answers a TLS handshake.
func (s *server) handshake() error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	return c.Close()
}

func (s *server) waitReady() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		if err := s.check(); err != nil {
			return err
		}
		err := s.ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready: %w", s.name, err)
		}
		time.Sleep(10 * time.Millisecond) // between two attempts
	}
}

// serve makes the server answer with size bytes, and checks that it answers in
// the way that is compared.
func (s *server) serve(size int) error {
	if s.put == nil {
		return nil
	}
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
	return s.checkTLS(c.TLS.ConnectionState())
}

func (s *server) checkTLS(state tls.ConnectionState) error {
	key, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return fmt.Errorf("%s: the certificate is not ECDSA P-256", s.name)
	}
	if state.Version != tls.VersionTLS13 || state.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		return fmt.Errorf("%s: %s with %s, want TLS 1.3 with TLS_AES_128_GCM_SHA256",
			s.name, tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
	}
	return nil
}

// putOverHTTPS is put for servers that clients write to.
func (s *server) putOverHTTPS(size int) error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exchange(load.Write(s.write.method, s.write.path, s.write.token, load.Body(size)))
	return err
}

// A fileTree is a directory with one file for each size.
type fileTree string

func (f fileTree) path(size int) string { return fmt.Sprintf("/%d", size) }

func (f fileTree) put(size int) error {
	path := filepath.Join(string(f), f.path(size))
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, load.Body(size), 0o644)
}
