package load

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Pool is a number of open connections to one server.
type Pool struct{ conns []*Conn }

// Open makes n connections and sends a GET of path on each: a server closes a
// connection without a request early.
func Open(t Target, n int, path string) (*Pool, error) {
	p := &Pool{conns: make([]*Conn, n)}
	get := Get(path)
	var group sync.WaitGroup
	var failed firstError
	concurrent := make(chan struct{}, 64) // fewer than a listener's backlog
	for i := range p.conns {
		concurrent <- struct{}{}
		if failed.get() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-concurrent }()
			c, err := t.Connect()
			p.conns[i] = c
			if err == nil {
				_, err = c.Exchange(get)
			}
			failed.set(err)
		})
	}
	group.Wait()
	if err := failed.get(); err != nil {
		p.Close()
		return nil, fmt.Errorf("open %d connections: %w", n, err)
	}
	return p, nil
}

// Close closes all connections.
func (p *Pool) Close() {
	for _, c := range p.conns {
		if c != nil {
			c.Close()
		}
	}
}

// Run sends requests in a closed loop until d has passed: the next one on a
// connection when the last one is answered. request returns the next request for
// a connection, counted from 0; it must stay valid until the next call for that
// connection. The first failure ends the run.
func (p *Pool) Run(d time.Duration, request func(conn int) []byte) (Result, error) {
	var group sync.WaitGroup
	var failed firstError
	latencies := make([][]time.Duration, len(p.conns))
	start := time.Now()
	for i, c := range p.conns {
		group.Go(func() {
			for failed.get() == nil {
				sent := time.Now()
				_, err := c.Exchange(request(i))
				done := time.Now()
				failed.set(err)
				if err != nil || done.Sub(start) > d {
					return
				}
				latencies[i] = append(latencies[i], done.Sub(sent))
			}
		})
	}
	group.Wait()
	result := newResult(d)
	for _, taken := range latencies {
		for _, latency := range taken {
			result.record(latency)
		}
	}
	return result, failed.get()
}

// A Result is what one run measured.
type Result struct {
	Elapsed time.Duration
	// Latencies has the time of each response, in nanoseconds.
	Latencies *hdrhistogram.Histogram
}

func newResult(elapsed time.Duration) Result {
	const lowest, significantDigits = 1000, 3 // nanoseconds
	return Result{elapsed, hdrhistogram.New(lowest, int64(2*timeout), significantDigits)}
}

func (r Result) record(latency time.Duration) {
	// The histogram covers more than a request may take.
	_ = r.Latencies.RecordValue(min(int64(latency), int64(2*timeout)))
}

// Requests returns how many requests were answered.
func (r Result) Requests() int { return int(r.Latencies.TotalCount()) }

// Rate returns how many requests were answered per second.
func (r Result) Rate() float64 { return float64(r.Requests()) / r.Elapsed.Seconds() }

// Quantile returns the time within which a share of the requests, between 0 and
// 1, was answered.
func (r Result) Quantile(share float64) time.Duration {
	return time.Duration(r.Latencies.ValueAtQuantile(100 * share))
}

// A firstError keeps the first error.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
