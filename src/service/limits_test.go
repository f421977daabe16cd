package service

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestSlowAndLargeRequestsAreCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real timeouts")
	}
	i := start(t, "timeouts: {header: 300ms, body: 300ms, response: 300ms, idle: 300ms}\nlimits: {header: 2KiB}")
	token := i.token()
	for name, test := range map[string]struct {
		send, want string
	}{
		"no request":     {"", ""},
		"half a header":  {"GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"half a body":    {"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 10\r\n\r\n01234", "HTTP/1.1 408 "},
		"large header":   {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 10000) + "\r\n\r\n", "HTTP/1.1 431 "},
		"idle after one": {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	} {
		t.Run(name, func(t *testing.T) {
			c := i.dial()
			io.WriteString(c, test.send)
			c.SetReadDeadline(time.Now().Add(testTimeout))
			text, err := io.ReadAll(c)
			if err != nil && !closedByPeer(err) {
				t.Errorf("the connection is still open: %v", err)
			}
			if !strings.HasPrefix(string(text), test.want) {
				t.Errorf("the response is %q, want %q", text, test.want)
			}
		})
	}
}

// TestIdleConnectionsMakeRoom checks that a client which occupies all connections
// keeps nobody out, and that its own idle connection is closed for it.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	i := start(t, "limits: {connections: 2}")
	first := i.dial()
	i.dial()
	if _, _, err := i.try(i.client(false), "GET", ""); err != nil {
		t.Errorf("a third connection: %v", err)
	}
	first.SetReadDeadline(time.Now().Add(testTimeout))
	if _, err := first.Read(make([]byte, 1)); !closedByPeer(err) && err != io.EOF {
		t.Errorf("the connection that was idle the longest: %v", err)
	}
}

func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	i := start(t, "limits: {connections: 10, per_address: 1}")
	i.dial()
	if _, _, err := i.try(i.client(false), "GET", ""); err == nil {
		t.Error("a second connection of one address was served")
	}
}
