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

func TestConnectionsAreLimited(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real time to see that nothing happens")
	}
	i := start(t, "limits: {connections: 2}")
	a := i.dial()
	i.dial()
	// The third waits in the backlog until one of the two is closed.
	third := make(chan error, 1)
	go func() {
		_, _, err := i.try(i.client(false), "GET", "")
		third <- err
	}()
	select {
	case err := <-third:
		t.Fatalf("a third connection was served: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	a.Close()
	if err := <-third; err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}
