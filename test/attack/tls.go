package attack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// sendHalfHello sends a TLS record that begins a ClientHello of 64 KiB.
func sendHalfHello(_ context.Context, c *Conn) {
	c.send("\x16\x03\x01\x40\x00\x01\x00\xff\x00\x03\x03" + strings.Repeat("x", 16000))
	c.readToEnd()
}

// dribbleRecord sends a TLS record that begins a ClientHello, byte by byte.
func dribbleRecord(ctx context.Context, c *Conn) {
	c.send("\x16\x03\x01\x40\x00\x01\x00\xff\x00\x03\x03")
	c.dribble(ctx, 'x')
}

const (
	// certificateSize is how much is added to the client's certificate, in bytes.
	certificateSize = 200 << 10
	// sentHandshake is how many bytes are sent of the handshake. The limit of
	// package httpserver is 32 KiB.
	sentHandshake = 30 << 10
)

// sendLargeCertificate begins a handshake with a large certificate chain and does
// not end it.
func sendLargeCertificate(ctx context.Context, c *Conn) {
	certificate := largeCertificate()
	t := tls.Client(&cutConn{Conn: c.Conn, rest: sentHandshake}, &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil },
	})
	t.HandshakeContext(ctx)
	waitUntilClosed(ctx, c)
}

// A cutConn drops what is written after the first bytes.
type cutConn struct {
	net.Conn
	rest int
}

// Write implements net.Conn.
func (c *cutConn) Write(p []byte) (int, error) {
	part := p[:min(len(p), c.rest)]
	c.rest -= len(part)
	if len(part) > 0 {
		if n, err := c.Conn.Write(part); err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// largeCertificate returns a self-signed certificate with a long chain.
var largeCertificate = sync.OnceValue(func() *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf, make([]byte, certificateSize)}, PrivateKey: key}
})
