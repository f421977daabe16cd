package load

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestRunAtCountsFromTheTimeThatARequestWasDue stalls a server once, which delays every
// request that is due meanwhile. A client that waits for the server and counts one slow
// request would omit the others.
func TestRunAtCountsFromTheTimeThatARequestWasDue(t *testing.T) {
	const rate, stall = 1000, 300 * time.Millisecond
	var stalled atomic.Bool
	var requests atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 100 && stalled.CompareAndSwap(false, true) {
			time.Sleep(stall)
		}
		w.Write(Body(100))
	})
	pool := open(t, target, 1)
	get := Get("/")
	result, err := pool.RunAt(rate, time.Second, func(int) []byte { return get })
	if err != nil {
		t.Fatal(err)
	}
	if n := result.Requests(); n != 1000 || result.Unanswered > 0 {
		t.Errorf("%d requests, %d unanswered, want 1000 and none", n, result.Unanswered)
	}
	// Of a stall of 300 ms, 200 requests see 100 ms or more.
	const slow = 100 * time.Millisecond
	if latency := result.Quantile(0.85); latency < slow {
		t.Errorf("85 %% of the requests took less than %s, want less than 80 %%", latency)
	}
}

func TestRunAtKeepsTheRate(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5000")
		w.Write(Body(5000))
	})
	pool := open(t, target, 7)
	get := Get("/")
	for range 2 { // the connections can be used again
		result, err := pool.RunAt(500, 400*time.Millisecond, func(int) []byte { return get })
		if err != nil {
			t.Fatal(err)
		}
		if n := result.Requests(); n != 200 {
			t.Errorf("%d requests in 0.4 s at 500 a second", n)
		}
	}
	result, err := pool.RunAt(0, 200*time.Millisecond, func(int) []byte { return get })
	if err != nil || result.Requests() < 7 {
		t.Errorf("a closed loop: %d requests in 0.2 s, error %v", result.Requests(), err)
	}
}

func TestRunAtReportsUnansweredRequests(t *testing.T) {
	block := make(chan struct{})
	var requests atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 10 {
			<-block
		}
		w.Write(Body(10))
	})
	defer close(block)
	pool := open(t, target, 2)
	get := Get("/")
	result, err := pool.RunAt(100, 300*time.Millisecond, func(int) []byte { return get })
	if err != nil {
		t.Fatal(err)
	}
	if result.Unanswered < 15 || result.Requests() != 30 {
		t.Errorf("%d of %d requests unanswered, want 22 of 30", result.Unanswered, result.Requests())
	}
	if latest := result.Quantile(1); latest < drainTime {
		t.Errorf("the slowest request took %s, but some never ended", latest)
	}
}

func TestResponseReaderTakesAnyPieces(t *testing.T) {
	response := "HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz"
	for size := 1; size <= len(response); size++ {
		var r responseReader
		for round := range 2 {
			for rest := response; rest != ""; {
				piece := rest[:min(size, len(rest))]
				rest = rest[len(piece):]
				done, err := r.read([]byte(piece))
				if err != nil || done != (rest == "") {
					t.Fatalf("round %d, pieces of %d bytes, %d bytes left: done %t, error %v", round, size, len(rest), done, err)
				}
			}
		}
	}
	for text, want := range map[string]string{
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n": "503",
		"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n":         "Content-Length",
		response + "H":                                 "more than one",
	} {
		if _, err := new(responseReader).read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", strconv.Quote(text), err, want)
		}
	}
}
