package engine_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"foobar/src/engine"
)

// TestDiscardEnds checks each bound of Discard alone: a client that pauses, one that
// sends on in time, and one that sends on fast.
func TestDiscardEnds(t *testing.T) {
	const never = 24 * time.Hour
	for name, test := range map[string]struct {
		chunk    int           // bytes
		interval time.Duration // between two chunks
		limit    time.Duration
		maxBytes int64
		after    time.Duration
		read     int // bytes
	}{
		"pause": {chunk: 1, interval: never, limit: never, maxBytes: 1 << 40, after: engine.DiscardPause, read: 1},
		"limit": {chunk: 64 << 10, interval: 101 * time.Millisecond, limit: 5 * time.Second, maxBytes: 1 << 40, after: 5 * time.Second, read: 50 * 64 << 10},
		"slow":  {chunk: 1 << 10, interval: 400 * time.Millisecond, limit: 5 * time.Second, maxBytes: 1 << 40, after: 5 * time.Second, read: 13 << 10},
		"bytes": {chunk: 64 << 10, limit: never, maxBytes: 1 << 20, read: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				defer client.Close()
				defer server.Close()
				go func() {
					for chunk := make([]byte, test.chunk); ; time.Sleep(test.interval) {
						if _, err := client.Write(chunk); err != nil {
							return
						}
					}
				}()
				counted := &countedConn{Conn: server}
				begun := time.Now()
				engine.Discard(counted, test.limit, test.maxBytes, server.SetReadDeadline)
				if took := time.Since(begun); took != test.after {
					t.Errorf("ended after %v, want %v", took, test.after)
				}
				if counted.read != test.read {
					t.Errorf("%d bytes were read, want %d", counted.read, test.read)
				}
				server.Close() // ends the client
				time.Sleep(2 * never)
			})
		})
	}
}

// A countedConn counts the bytes that are read.
type countedConn struct {
	net.Conn
	read int
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}
