package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func frame(kind, flags byte, payload int) []byte {
	b := make([]byte, 9+payload)
	binary.BigEndian.PutUint32(b, uint32(payload)<<8|uint32(kind))
	b[4] = flags
	return b
}

// A rawClient speaks HTTP/2 frame by frame, as no library would.
type rawClient struct {
	*tls.Conn
	in     *bufio.Reader
	stream uint32
}

// dialHTTP2 opens a connection with these settings, two bytes and four each.
func dialHTTP2(t *testing.T, e *running, conf *tls.Config, settings string) *rawClient {
	t.Helper()
	conf = conf.Clone()
	conf.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", e.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	f := frame(4, 0, len(settings))
	copy(f[9:], settings)
	c.Write(f)
	return &rawClient{Conn: c, in: bufio.NewReader(c), stream: 1}
}

// get sends a request on the next stream, and says which that is.
func (c *rawClient) get() uint32 {
	c.stream += 2
	// RFC 7541, appendix A: GET, https, /, and example.com as a literal.
	block := "\x82\x87\x84\x01\x0bexample.com"
	f := frame(1, 5, len(block))
	binary.BigEndian.PutUint32(f[5:], c.stream)
	copy(f[9:], block)
	c.Write(f)
	return c.stream
}

// next skips to the end of a stream, or to GOAWAY, of which it returns the last
// stream.
func (c *rawClient) next(t *testing.T) (ended, last uint32) {
	t.Helper()
	for {
		var header [9]byte
		if _, err := io.ReadFull(c.in, header[:]); err != nil {
			t.Fatal(err)
		}
		payload := make([]byte, binary.BigEndian.Uint32(header[:])>>8)
		if _, err := io.ReadFull(c.in, payload); err != nil {
			t.Fatal(err)
		}
		switch {
		case header[3] == 7:
			return 0, binary.BigEndian.Uint32(payload)
		case header[3] < 2 && header[4]&1 != 0:
			return binary.BigEndian.Uint32(header[5:]), 0
		}
	}
}

// TestLeavingIsAnnounced has a client of HTTP/2 that ignores the announcement:
// its requests are answered until it is sent away, and then it is.
func TestLeavingIsAnnounced(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, &number{value: "1"}, patient(), server)
	c := dialHTTP2(t, e, conf, "")
	c.get()
	if ended, _ := c.next(t); ended != c.stream {
		t.Fatalf("stream %d ended, want %d", ended, c.stream)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	if _, last := c.next(t); last != 1<<31-1 {
		t.Fatalf("GOAWAY with last stream %d, want any", last)
	}
	begun := time.Now()
	for time.Since(begun) < leaving/2 {
		stream := c.get()
		if ended, last := c.next(t); ended != stream {
			t.Fatalf("stream %d ended, GOAWAY %d", ended, last)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, last := c.next(t); last != c.stream {
		t.Errorf("GOAWAY with last stream %d, want %d", last, c.stream)
	}
	if _, err := c.in.ReadByte(); err != io.EOF {
		t.Errorf("after GOAWAY: %v, want the end", err)
	}
	if err := <-stopped; err != nil || time.Since(begun) > leaving+leaving/2 {
		t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
	}
}

// TestStalledReaderHoldsNobodyUp has a client that lets the server send, and
// reads nothing: the server cannot tell it anything, and does not wait for it.
func TestStalledReaderHoldsNobodyUp(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, &echo{size: 64 << 20}, patient(), server)
	c := dialHTTP2(t, e, conf, "\x00\x04\x7f\xff\xff\xff")
	window := frame(8, 0, 4)
	copy(window[9:], "\x3f\xff\xff\xff")
	c.Write(window)
	c.get()
	time.Sleep(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 3*time.Second {
		t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
	}
}

// TestLastLook has a request come when the wait for it is over, but not yet for
// the one who waited.
func TestLastLook(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := dial(t, l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := &bundler{Conn: c}
	b.ending.Store(true)
	read := func() (string, error) {
		c.SetReadDeadline(time.Now().Add(-time.Second))
		p := make([]byte, 100)
		n, err := b.Read(p)
		return string(p[:n]), err
	}
	if s, err := read(); s != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("before the request: %q, %v", s, err)
	}
	io.WriteString(client, "a request")
	time.Sleep(50 * time.Millisecond)
	if s, err := read(); s != "a request" || err != nil {
		t.Errorf("the request: %q, %v", s, err)
	}
	client.Close()
	time.Sleep(50 * time.Millisecond)
	if s, err := read(); s != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the end: %q, %v", s, err)
	}
}
