package service

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foobar/src/api"
)

// postHalf sends a request and the first half of its body.
func (i *instance) postHalf() *bufio.ReadWriter {
	i.t.Helper()
	c := i.dial()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: foobar.example\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n01234", i.token())
	i.inFlight(1)
	return bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriterSize(c, 0))
}

func TestStopFinishesRequestsInFlight(t *testing.T) {
	i := start(t, "")
	i.do(i.client(false), "POST", "before") // leaves an idle connection
	c := i.postHalf()
	i.stop()
	i.message("STOPPING=1")
	for draining := false; !draining; {
		resp, _ := i.do(i.client(false), "GET", "")
		draining = resp.Close
	}
	io.WriteString(c, "56789")
	c.Flush()
	resp := must[*http.Response](t)(http.ReadResponse(c.Reader, nil))
	text := must[[]byte](t)(io.ReadAll(resp.Body))
	if resp.StatusCode != 200 || string(text) != "ok" || !resp.Close {
		t.Errorf("in flight: %d %q, close %v", resp.StatusCode, text, resp.Close)
	}
	if err := i.wait(); err != nil {
		t.Error(err)
	}
	if got := i.read("data/statefile"); got != "0123456789" {
		t.Errorf("statefile holds %q", got)
	}
}

func TestStopEndsWithinTheConfiguredTime(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a real timeout")
	}
	i := start(t, "timeouts: {shutdown: 500ms}")
	i.postHalf()
	began := time.Now()
	i.stop()
	if m := i.message("STOPPING=1"); !strings.Contains(m, "EXTEND_TIMEOUT_USEC=30500000\n") {
		t.Errorf("systemd is notified with %q, and not that the stop may take 30.5 seconds", m)
	}
	if err := i.wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if _, err := os.Stat(filepath.Join(i.dir, "data/statefile")); err == nil {
		t.Error("half a body was stored")
	}
	if !strings.Contains(i.log(), "requests were interrupted") {
		t.Error("the log does not say that a request was cut")
	}
}

// TestStopFailsNoRequest stops the service while clients keep connections, some of them
// busy. No request fails, because a response asks each client to reconnect.
func TestStopFailsNoRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("drains connections in real time")
	}
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2 %v", h2), func(t *testing.T) {
			i := start(t, "")
			i.do(i.client(h2), "POST", "hello")
			var responses, stop atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				c := i.client(h2)
				wg.Go(func() {
					for stop.Load() == 0 {
						resp, text, err := i.try(c, "GET", "")
						if err != nil {
							t.Errorf("a request failed: %v", err)
							return
						}
						responses.Add(1)
						if resp.StatusCode != 200 || text != "hello" {
							t.Errorf("%d %q", resp.StatusCode, text)
						}
						// A new connection would wait in the backlog for the next process.
						if resp.Close || h2 && stop.Load() != 0 {
							return
						}
					}
				})
			}
			eventually(t, "the clients are busy", func() bool { return responses.Load() > 100 })
			if h2 {
				stop.Store(1)
				wg.Wait()
			}
			if err := i.end(); err != nil {
				t.Error(err)
			}
			wg.Wait()
		})
	}
}

// TestStopFailsTheHealthCheck requests /healthz during a stop, so that a load balancer does
// not choose a service that stops.
func TestStopFailsTheHealthCheck(t *testing.T) {
	var stopped *Service
	health := func(s *Service) int {
		return s.content.api.Serve(context.Background(), &api.Request{Method: "GET", Path: "/healthz"}).Status
	}
	clocked(t, nil, func(t *testing.T, s *Service, _ func() string) {
		if got := health(s); got != 200 {
			t.Errorf("before the first write: %d", got)
		}
		stopped = s
	})
	if got := health(stopped); got != 503 {
		t.Errorf("after the stop: %d", got)
	}
}
