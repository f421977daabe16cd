package credentials

import (
	"crypto/x509"
	"slices"
	"sync/atomic"
	"time"
)

// A Peer is the client of a TLS connection, identified by the certificate that
// it has sent and proved to have the key of. It may be used by several goroutines
// at once. A nil Peer is a client without a certificate.
type Peer struct {
	certificates []*x509.Certificate // the client's own first
	last         atomic.Pointer[verifyResult]
}

// A verifyResult is the result of verifying a Peer. It holds for as long as the
// same authorities are in use, until the time it has.
type verifyResult struct {
	authorities *x509.CertPool
	until       time.Time // zero if the peer is not verified
}

// NewPeer returns the client of a connection by
// tls.ConnectionState.PeerCertificates after the handshake.
func NewPeer(certificates []*x509.Certificate) *Peer {
	if len(certificates) == 0 {
		return nil
	}
	return &Peer{certificates: certificates}
}

// VerifyPeer reports whether the certificate of p is valid now and issued by an
// authority of s. A connection can outlive a reload, so the check at the
// handshake is not enough: an authority may have been removed since.
func (s *Set) VerifyPeer(p *Peer) bool {
	if p == nil || s.ClientCAs == nil {
		return false
	}
	result := p.last.Load()
	if result == nil || result.authorities != s.ClientCAs {
		result = &verifyResult{s.ClientCAs, p.verifiedUntil(s.ClientCAs)}
		p.last.Store(result)
	}
	return time.Now().Before(result.until)
}

// verifiedUntil returns the time at which the last valid chain to one of the
// authorities expires, or the zero time if there is none.
func (p *Peer) verifiedUntil(authorities *x509.CertPool) (latest time.Time) {
	intermediates := x509.NewCertPool()
	for _, c := range p.certificates[1:] {
		intermediates.AddCert(c)
	}
	chains, _ := p.certificates[0].Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	for _, chain := range chains {
		first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		if first.NotAfter.After(latest) {
			latest = first.NotAfter
		}
	}
	return latest
}
