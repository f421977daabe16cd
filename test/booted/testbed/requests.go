//go:build testbed

package testbed

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"
)

// Get sends a GET, which must have status 200, and reports whether it used an
// open connection.
func Get(c *http.Client, url string) (reused bool, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	resp, err := c.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return reused, fmt.Errorf("GET: %s", resp.Status)
	}
	// The connection can be used again after the response was read.
	_, err = io.Copy(io.Discard, resp.Body)
	return reused, err
}

// A RequestLoop sends GET requests one after the other and collects failures.
type RequestLoop struct {
	stop     chan struct{}
	done     sync.WaitGroup
	sent     int
	failures []error
}

// StartRequests starts a RequestLoop.
func StartRequests(c *http.Client, url string) *RequestLoop {
	l := &RequestLoop{stop: make(chan struct{})}
	l.done.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			l.sent++
			if _, err := Get(c, url); err != nil {
				l.failures = append(l.failures, err)
			}
		}
	})
	return l
}

// Stop ends the loop, in which no request may have failed, and returns how many were
// sent.
func (l *RequestLoop) Stop(t testing.TB) int {
	t.Helper()
	close(l.stop)
	l.done.Wait()
	if l.sent < 10 || len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed: %v", len(l.failures), l.sent, l.failures)
	}
	return l.sent
}
