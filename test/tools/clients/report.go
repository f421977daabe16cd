package clients

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Result is what happened to all clients.
type Result struct {
	Profiles []Summary
	Lost     []error // what shows that an acknowledged write was lost
}

// A Summary is what happened to the clients of one profile.
type Summary struct {
	Profile        Profile
	Clients        int
	Responses      int
	Longest        time.Duration // until a response, that for the connection included
	Refused        int           // connections, each a failure too
	CloseRaces     int           // requests that crossed the end of their idle connection, and are no failures
	Late           int           // requests that came later than a stopping server waits, and are no failures
	RefusedStreams int           // requests that were refused unprocessed and sent again, and are no failures
	Failed         []error       // requests that were sent and got no response, or an unexpected one
}

// String returns a table.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %9s %8s %8s %12s %8s %16s %14s\n", "", "responses", "failed", "refused", "close races", "late", "refused streams", "longest wait")
	for _, s := range r.Profiles {
		fmt.Fprintf(&b, "%-26s %9d %8d %8d %12d %8d %16d %11.0f ms\n", s.Profile.Name, s.Responses, len(s.Failed), s.Refused, s.CloseRaces, s.Late, s.RefusedStreams,
			float64(s.Longest.Microseconds())/1000)
	}
	return b.String()
}

// A failure is an error of a request with the time at which it was sent.
type failure struct {
	err    error
	sentAt time.Time
	after  time.Duration
}

func (f failure) Error() string {
	return fmt.Sprintf("%s, after %v: %v", f.sentAt.Format("15:04:05.000"), f.after.Round(time.Millisecond), f.err)
}

func (f failure) Unwrap() error { return f.err }

// A profileLoad collects the summary of the clients of one profile.
type profileLoad struct {
	mu  sync.Mutex
	sum Summary
}

func (p *profileLoad) add(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.Responses++
	p.sum.Longest = max(p.sum.Longest, took)
}

func (p *profileLoad) addCloseRace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.CloseRaces++
}

func (p *profileLoad) addLate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.Late++
}

func (p *profileLoad) addRefusedStream() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum.RefusedStreams++
}

func (p *profileLoad) fail(f failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(f, syscall.ECONNREFUSED) {
		p.sum.Refused++
	}
	p.sum.Failed = append(p.sum.Failed, f)
}

func (p *profileLoad) summary() Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sum
}

// awaitResponses polls until there are n responses.
func (p *profileLoad) awaitResponses(ctx context.Context, n int) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.summary().Responses < n {
		select {
		case <-ctx.Done():
			return errTooFew
		case <-tick.C:
		}
	}
	return nil
}
