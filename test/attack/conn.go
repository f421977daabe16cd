package attack

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A Conn is a connection of an attacker.
type Conn struct {
	net.Conn
	tcp    *net.TCPConn
	target Target
	index  int
}

// dialTimeout bounds the time for a connection and its TLS handshake.
const dialTimeout = 20 * time.Second

// defaultAddresses is from how many addresses connections come, as limits.per_address
// allows one address a quarter of them.
const defaultAddresses = 6

// dial makes connection i.
func (r *Running) dial(ctx context.Context, i int) (*Conn, error) {
	host := 2 + i%cmp.Or(r.attack.Addresses, defaultAddresses)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(host))}, Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "tcp", r.target.Address)
	if err != nil {
		return nil, err
	}
	counted := &countedConn{c, &r.sent}
	conn := &Conn{Conn: counted, tcp: c.(*net.TCPConn), target: r.target, index: i}
	if r.attack.Protocol == "" {
		return conn, nil
	}
	t := tls.Client(counted, &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{r.attack.Protocol},
		CurvePreferences:            []tls.CurveID{tls.X25519}, // the one that costs the attacker the least
		DynamicRecordSizingDisabled: true,                      // a record for each Write of up to 16 KiB
	})
	c.SetDeadline(time.Now().Add(dialTimeout))
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	c.SetDeadline(time.Time{})
	conn.Conn = t
	return conn, nil
}

// A countedConn adds up the bytes that are written.
type countedConn struct {
	net.Conn
	sent *atomic.Int64
}

// Write implements net.Conn.
func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

func (c *Conn) send(text string) error {
	_, err := io.WriteString(c, text)
	return err
}

// readToEnd reads until the server closes the connection.
func (c *Conn) readToEnd() { io.Copy(io.Discard, c) }

// dribbleInterval is the time between two bytes of a client that sends slowly.
const dribbleInterval = 100 * time.Millisecond

// dribble sends one byte again and again, until the connection is closed.
func (c *Conn) dribble(ctx context.Context, b byte) {
	go c.readToEnd()
	for pause(ctx, dribbleInterval) == nil {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
	}
}

// flood sends text again and again, until the connection is closed.
func (c *Conn) flood(text []byte) {
	for {
		if _, err := c.Write(text); err != nil {
			return
		}
	}
}
