package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// checkHandshake returns why a client cannot connect to a server with the
// credentials of s. It performs a handshake in memory with Go's TLS client at
// its defaults. The client trusts the certificate, as no authority of clients is
// known here, and takes its time to be within the certificate's validity, which
// the expiry warnings are about.
func (s *Set) checkHandshake() error {
	leaf := s.Leaf()
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	client := &tls.Config{RootCAs: roots, ServerName: firstName(leaf), Time: func() time.Time { return leaf.NotBefore }}
	client.InsecureSkipVerify = client.ServerName == ""
	server := &tls.Config{Certificates: []tls.Certificate{s.Certificate}}
	if s.ClientCAs != nil {
		server.ClientAuth, server.ClientCAs = tls.VerifyClientCertIfGiven, s.ClientCAs
	}
	return handshake(client, server)
}

// firstName returns the first subject alternative name that a client can connect
// to, or "" if there is none.
func firstName(c *x509.Certificate) string {
	for _, name := range c.DNSNames {
		name = strings.Replace(name, "*", "wildcard", 1)
		if c.VerifyHostname(name) == nil {
			return name
		}
	}
	for _, ip := range c.IPAddresses {
		return ip.String()
	}
	return ""
}

// maxRounds is more than a handshake takes, which needs three messages.
const maxRounds = 10

// handshake performs a handshake of TLS 1.3 without a connection: as for QUIC,
// crypto/tls returns the messages of one side, and takes those of the other.
func handshake(client, server *tls.Config) error {
	client.MinVersion, server.MinVersion = tls.VersionTLS13, tls.VersionTLS13
	from, to := tls.QUICClient(&tls.QUICConfig{TLSConfig: client}), tls.QUICServer(&tls.QUICConfig{TLSConfig: server})
	for _, side := range []*tls.QUICConn{from, to} {
		defer side.Close()
		side.SetTransportParameters(nil)
		if err := side.Start(context.Background()); err != nil {
			return err
		}
	}
	done := 0
	for range maxRounds {
		for e := from.NextEvent(); e.Kind != tls.QUICNoEvent; e = from.NextEvent() {
			switch e.Kind {
			case tls.QUICErrorEvent:
				return e.Err
			case tls.QUICWriteData:
				if err := to.HandleData(e.Level, e.Data); err != nil {
					return err
				}
			case tls.QUICHandshakeDone:
				done++
			}
		}
		if done == 2 {
			return nil
		}
		from, to = to, from
	}
	return errors.New("the handshake does not end")
}
