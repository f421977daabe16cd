package httpserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestConnectionsAreCounted(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		e := start(t, &echo{}, g.settings(defaultSettings), nil)
		open := make([]net.Conn, 3)
		for i := range open {
			open[i] = dial(t, e.addr)
		}
		wait := func(want int) {
			t.Helper()
			for deadline := time.Now().Add(5 * time.Second); e.Connections() != want; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d connections, want %d", e.Connections(), want)
				}
			}
		}
		wait(3)
		open[0].Close()
		wait(2)
	})
}

func TestApplyReachesOpenConnections(t *testing.T) {
	e := start(t, &echo{}, defaultSettings, nil)
	c := dial(t, e.addr)
	in := bufio.NewReader(c)
	ask := func(raw string) int {
		io.WriteString(c, raw)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	long := get("X: " + strings.Repeat("a", 3000) + "\r\n")
	if code := ask(long); code != 200 {
		t.Fatalf("before: %d", code)
	}
	s := defaultSettings
	s.MaxHeader = 1024
	e.Apply(s)
	if code := ask(long); code != 431 {
		t.Errorf("after: %d, want 431", code)
	}
}

// TestMaxConnections replaces the limits of Settings, at the start and later.
func TestMaxConnections(t *testing.T) {
	r := startWith(t, &echo{}, longTimeouts(), nil, func(l net.Listener, o *Options) net.Listener {
		o.MaxConnections = 2
		return l
	})
	r.Apply(longTimeouts())
	ask := func() error {
		c := dial(t, r.addr)
		if _, err := io.WriteString(c, get("")); err != nil {
			return err
		}
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	for n := 1; n <= 4; n++ {
		// Until the server waits on the connections before, it closes none of them.
		deadline := time.Now().Add(10 * time.Second)
		for err := ask(); err != nil; err = ask() {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
		if got := r.Connections(); got > 2 {
			t.Fatalf("%d connections are open after %d requests, want 2", got, n)
		}
	}
}
