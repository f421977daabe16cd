package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestLeavingIsAnnounced has a client of HTTP/2 that ignores the announcement:
// its requests are answered until it is sent away, and then it is.
func TestLeavingIsAnnounced(t *testing.T) {
	p, e := meet(t, &number{value: "1"}, patient())
	stream := uint32(1)
	answered := func() {
		t.Helper()
		stream += 2
		p.get(stream)
		p.wants(t, fmt.Sprintf("%d: 200", stream), fmt.Sprintf("%d: 1 bytes, end", stream))
	}
	answered()
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	p.wants(t, fmt.Sprintf("GOAWAY %d NO_ERROR", 1<<31-1), "PING")
	begun := time.Now()
	for time.Since(begun) < leaving/2 {
		answered()
		time.Sleep(10 * time.Millisecond)
	}
	p.wants(t, fmt.Sprintf("GOAWAY %d NO_ERROR", stream))
	if f, err := p.ReadFrame(); err != io.EOF {
		t.Errorf("after GOAWAY: %v, %v, want the end", f, err)
	}
	if err := <-stopped; err != nil || time.Since(begun) > leaving+leaving/2 {
		t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
	}
}

// TestStalledReaderHoldsNobodyUp has a client that lets the server send, and
// reads nothing: the server cannot tell it anything, and does not wait for it.
func TestStalledReaderHoldsNobodyUp(t *testing.T) {
	p, e := meet(t, &echo{size: 64 << 20}, patient(), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	p.WriteWindowUpdate(0, 1<<30-1)
	p.get(1)
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
