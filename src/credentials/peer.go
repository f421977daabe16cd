package credentials

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// parseAuthorities reads PEM certificates, and nothing else: what is not
// understood would be an authority that is missing.
func parseAuthorities(text []byte) (*x509.CertPool, error) {
	if text == nil {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for number := 1; ; number++ {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil && number == 1 {
			return nil, errors.New("there is no PEM certificate in it")
		}
		if block == nil {
			return pool, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("block %d is not a certificate", number)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", number, err)
		}
		pool.AddCert(cert)
	}
}

// ClientCAs are the authorities that vouch for clients, nil without that
// credential.
func (s *Set) ClientCAs() *x509.CertPool { return s.clientCAs }

// A Peer is the client at the other end of a connection, as the certificates
// that it has shown and holds the key of say. Its methods may be called by many
// goroutines; nil is a client that has shown none.
type Peer struct {
	certificates []*x509.Certificate // its own first
	last         atomic.Pointer[verdict]
}

// A verdict is good for as long as its authorities are in force, until expiry.
type verdict struct {
	by    *x509.CertPool
	until time.Time // zero where the peer is not recognized
}

// NewPeer takes the PeerCertificates of a finished handshake.
func NewPeer(certificates []*x509.Certificate) *Peer {
	if len(certificates) == 0 {
		return nil
	}
	return &Peer{certificates: certificates}
}

// Name is the subject of the peer's certificate, RFC 2253, and "" without one.
func (p *Peer) Name() string {
	if p == nil {
		return ""
	}
	return p.certificates[0].Subject.String()
}

// VerifyPeer says whether an authority in force vouches for p at this time. A
// connection outlives handshakes: authorities that have gone since are asked
// no more.
func (s *Set) VerifyPeer(p *Peer) bool {
	if p == nil || s.clientCAs == nil {
		return false
	}
	v := p.last.Load()
	if v == nil || v.by != s.clientCAs {
		v = &verdict{s.clientCAs, p.vouched(s.clientCAs)}
		p.last.Store(v)
	}
	return time.Now().Before(v.until)
}

// vouched returns until when one of the authorities vouches for p.
func (p *Peer) vouched(authorities *x509.CertPool) time.Time {
	between := x509.NewCertPool()
	for _, c := range p.certificates[1:] {
		between.AddCert(c)
	}
	chains, _ := p.certificates[0].Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	var latest time.Time
	for _, chain := range chains {
		first := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(first) {
				first = c.NotAfter
			}
		}
		if first.After(latest) {
			latest = first
		}
	}
	return latest
}
