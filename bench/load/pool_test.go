package load

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, handler http.HandlerFunc) Target {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return Target{Address: server.Listener.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}}
}

func open(t *testing.T, target Target, n int) *Pool {
	t.Helper()
	pool, err := Open(target, n, "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestRunCountsWhatWasAnswered(t *testing.T) {
	var answered atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		w.Write(Body(100))
		answered.Add(1)
	})
	pool := open(t, target, 4)
	answered.Store(0)
	get := Get("/")
	result, err := pool.Run(200*time.Millisecond, func(int) []byte { return get })
	if err != nil {
		t.Fatal(err)
	}
	// The last request of a connection may be answered too late to count.
	if n := int(answered.Load()); result.Requests() > n || result.Requests() < n-4 {
		t.Errorf("%d requests counted, the server answered %d", result.Requests(), n)
	}
	if q := result.Quantile(0.5); q < 5*time.Millisecond || q > 100*time.Millisecond {
		t.Errorf("the median is %s, the server takes 5ms", q)
	}
}

func TestExchangeReadsBothKindsOfBody(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100000")
		}
		w.Write(Body(100000))
	})
	c, err := target.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, path := range []string{"/length", "/chunks", "/length", "/chunks", "/chunks"} {
		if n, err := c.Exchange(Get(path)); n != 100000 || err != nil {
			t.Fatalf("%s: %d bytes, error %v", path, n, err)
		}
	}
}

func TestRunEndsWithAFailure(t *testing.T) {
	var requests atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 10 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	pool := open(t, target, 2)
	get := Get("/")
	_, err := pool.Run(10*time.Second, func(int) []byte { return get })
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v, want status 503", err)
	}
}

func TestWritesDiffer(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer secret" || len(body) != 64 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		seen[string(body)]++
	})
	pool := open(t, target, 3)
	if _, err := pool.Run(50*time.Millisecond, Writes(3, "POST", "/", "secret", 64)); err != nil {
		t.Fatal(err)
	}
	for body, times := range seen {
		if times > 1 {
			t.Fatalf("%q was written %d times", body, times)
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d writes from 3 writers", len(seen))
	}
}
