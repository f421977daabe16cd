package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// serveAll runs both servers until the process is killed.
func serveAll(certFile string) error {
	cert, err := certificate()
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	packets, err := net.ListenPacket("udp", net.JoinHostPort(nameServer, "53"))
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { failed <- serveDNS(packets) }()
	for _, address := range []string{address4, address6} {
		l, err := tls.Listen("tcp", net.JoinHostPort(address, "443"), &tls.Config{Certificates: []tls.Certificate{cert}})
		if err != nil {
			return err
		}
		go func() { failed <- http.Serve(l, http.HandlerFunc(serveFeed)) }()
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(certFile, text, 0o644); err != nil {
		return err
	}
	return <-failed
}

// serveFeed serves a feed of one entry, RFC 4287, and no content at other paths.
func serveFeed(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/feed.xml" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml")
	fmt.Fprint(w, `<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><id>tag:blog.example,2026:blog</id><updated>2026-01-01T00:00:00Z</updated>
<entry><title>First</title><id>tag:blog.example,2026:1</id><link href="https://blog.example/1"/><updated>2026-01-01T00:00:00Z</updated></entry></feed>`)
}

// certificate returns a self-signed certificate.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "the test's server"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{name4, name6, nameFeed},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// serveDNS serves the names of the HTTPS server over DNS, RFC 1035.
func serveDNS(packets net.PacketConn) error {
	buffer := make([]byte, 512)
	for {
		n, client, err := packets.ReadFrom(buffer)
		if err != nil {
			return err
		}
		reply, err := resolve(buffer[:n])
		if err != nil {
			return err
		}
		if _, err := packets.WriteTo(reply, client); err != nil {
			return err
		}
	}
}

func resolve(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
	switch name := q.Name.String(); {
	case (name == name4+"." || name == nameFeed+".") && q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: netip.MustParseAddr(address4).As4()}}}
	case name == name6+"." && q.Type == dnsmessage.TypeAAAA:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(address6).As16()}}}
	case name != name4+"." && name != nameFeed+"." && name != name6+".":
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}
