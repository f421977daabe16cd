package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAlternate compares the order of the turns of two servers: the one that had the last
// turn begins again.
func TestAlternate(t *testing.T) {
	var mu sync.Mutex
	var turns []string
	var servers []*alternatingServer
	samples := make([]sample, 2)
	for i, name := range []string{"a", "b"} {
		listener := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if len(turns) == 0 || turns[len(turns)-1] != name {
				turns = append(turns, name)
			}
		}))
		defer listener.Close()
		s := &server{
			name: name, address: listener.Listener.Addr().String(), write: writeRequest{"POST", "/", ""},
			pids: func() []int { return []int{os.Getpid()} }, check: func() error { return nil },
		}
		servers = append(servers, &alternatingServer{server: s, client: oneWriter{kib}, sample: &samples[i]})
	}
	const d = 6 * alternatingTurn
	if err := alternate(servers, d); err != nil {
		t.Fatal(err)
	}
	// The last turn of a pair and the first of the next one are of the same server.
	if got := strings.Join(turns, ""); got != "abababa" {
		t.Errorf("the turns are %s, want abababa", got)
	}
	for i, s := range samples {
		// Requests are sent for d at least, and not while the clocks are read.
		requests, wall := servers[i].requests, servers[i].used.wall
		if least, most := requests/wall.Seconds(), requests/d.Seconds(); s.rate < least || s.rate > most {
			t.Errorf("%.0f requests in %s to %s: a rate of %.0f", requests, d, wall, s.rate)
		}
		if wall < d || wall > 2*d+time.Second {
			t.Errorf("the turns took %s, want about %s", wall, d)
		}
	}
}
