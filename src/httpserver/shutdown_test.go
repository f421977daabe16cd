package httpserver

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// TestPendingRequestIsRead has a request arrive after the deadline, but before
// the one who waited looks.
func TestPendingRequestIsRead(t *testing.T) {
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
	b := &conn{Conn: c}
	b.draining.Store(true)
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
