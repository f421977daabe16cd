//go:build attack

package attack

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"
)

// An attack opens connections and holds what it can of the service. All of them
// are anonymous.
type attack struct {
	name        string
	connections int
	// hold is called with each connection. What it does not close stays open
	// until the attack ends.
	hold func(net.Conn)
	// refusal is a reason that the metrics have to name.
	refusal string
	// memory is the largest peak of the resident set, in MiB. The sum of conf.yaml
	// is 488 MiB.
	memory int64
}

// stateSize is the size of the state in bytes, the largest that conf.yaml allows.
const stateSize = 16 << 20

func attacks() []attack {
	return []attack{
		{"silent connections", 11000, func(net.Conn) {}, "evicted", 192},
		{"half a ClientHello", 11000, sendHalfHello, "evicted", 256},
		{"idle HTTP/2 connections", 3000, sendPreface, "evicted", 384},
		{"slow downloads", 2200, readSlowly, "evicted", 488},
		{"half a header", 1000, sendHalfHeader, "", 256},
	}
}

// sendHalfHello sends a TLS record that begins a ClientHello of 64 KiB.
func sendHalfHello(c net.Conn) {
	io.WriteString(c, "\x16\x03\x01\x40\x00\x01\x00\xff\x00\x03\x03"+strings.Repeat("x", 16000))
}

func sendPreface(c net.Conn) {
	if t := handshake(c, "h2"); t != nil {
		io.WriteString(t, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	}
}

// readSlowly asks for the state with a large header, and reads none of it.
func readSlowly(c net.Conn) {
	c.(*net.TCPConn).SetReadBuffer(4096)
	if t := handshake(c, "http/1.1"); t != nil {
		io.WriteString(t, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 15000)+"\r\n\r\n")
	}
}

func sendHalfHeader(c net.Conn) {
	if t := handshake(c, "http/1.1"); t != nil {
		io.WriteString(t, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 15000))
	}
}

// handshake returns nil if the service has closed the connection.
func handshake(c net.Conn, protocol string) *tls.Conn {
	t := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	t.SetDeadline(time.Now().Add(10 * time.Second))
	if t.Handshake() != nil {
		return nil
	}
	return t
}
