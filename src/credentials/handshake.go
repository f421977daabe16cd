package credentials

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// handshakeTimeout is far more than a handshake in memory takes.
const handshakeTimeout = 10 * time.Second

// checkHandshake returns why a client cannot connect to a server with the
// credentials of s. It performs a handshake in memory with Go's TLS client at
// its defaults. The client trusts the certificate, as no authority of clients is
// known here, and takes its time to be within the certificate's validity, which
// the expiry warnings are about.
func (s *Set) checkHandshake() error {
	leaf := s.Leaf()
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !isForServers(leaf) {
		return errors.New("the certificate is not for servers: its extended key usage lacks serverAuth")
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	client := &tls.Config{RootCAs: roots, ServerName: firstName(leaf), Time: func() time.Time { return leaf.NotBefore }}
	if client.ServerName == "" {
		client.InsecureSkipVerify = true
	}
	// A server sends session tickets after the handshake, which nobody would read.
	server := &tls.Config{Certificates: []tls.Certificate{s.Certificate}, SessionTicketsDisabled: true}
	if s.clientCAs != nil {
		server.ClientAuth, server.ClientCAs = tls.VerifyClientCertIfGiven, s.clientCAs
	}
	if err := handshake(client, server); err != nil {
		return fmt.Errorf("no client could connect: %w", err)
	}
	return nil
}

func isForServers(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
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

// handshake connects a client to a server in memory, and returns the error of
// the side that gave up first.
func handshake(client, server *tls.Config) error {
	clientPipe, serverPipe := net.Pipe()
	deadline := time.Now().Add(handshakeTimeout)
	clientPipe.SetDeadline(deadline)
	serverPipe.SetDeadline(deadline)
	served := make(chan error, 1)
	go func() {
		conn := newQueuedConn(serverPipe)
		defer conn.Close()
		served <- tls.Server(conn, server).Handshake()
	}()
	conn := newQueuedConn(clientPipe)
	clientErr := tls.Client(conn, client).Handshake()
	conn.Close()
	serverErr := <-served
	var verification *tls.CertificateVerificationError
	if clientErr == nil || errors.As(clientErr, &verification) || serverErr == nil {
		return clientErr
	}
	return serverErr
}

// A queuedConn queues what is written to it. The ends of a net.Pipe have no
// buffer: two that write at the same time wait for each other.
type queuedConn struct {
	net.Conn
	queue chan []byte
}

func newQueuedConn(c net.Conn) *queuedConn {
	q := &queuedConn{c, make(chan []byte, 64)}
	go func() {
		defer c.Close()
		for b := range q.queue {
			c.Write(b)
		}
	}()
	return q
}

// Write implements net.Conn.
func (q *queuedConn) Write(b []byte) (int, error) {
	q.queue <- bytes.Clone(b)
	return len(b), nil
}

// Close closes the connection once the queue is empty.
func (q *queuedConn) Close() error {
	close(q.queue)
	return nil
}
