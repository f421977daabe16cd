package clients

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Result is how the clients fared.
type Result struct {
	Profiles []Summary
	Lost     []error // what says that an acknowledged write was lost
}

// A Summary is how the clients of one kind fared.
type Summary struct {
	Profile    Profile
	Clients    int
	Answered   int
	Longest    time.Duration // time for an answer, that for the connection included
	Refused    int           // connections, each a failure too
	CloseRaces int           // requests that crossed the end of their idle connection, and are no failures
	Resent     int           // requests that GOAWAY refused, and were sent again
	Failed     []error       // requests that were sent and not answered, or not as they should be
}

// String is a table.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %9s %8s %8s %8s %8s %14s\n", "", "answered", "failed", "refused", "crossed", "resent", "longest pause")
	for _, s := range r.Profiles {
		fmt.Fprintf(&b, "%-26s %9d %8d %8d %8d %8d %11.0f ms\n", s.Profile.Name, s.Answered, len(s.Failed), s.Refused, s.CloseRaces, s.Resent, float64(s.Longest.Microseconds())/1000)
	}
	return b.String()
}

type failure struct {
	err   error
	begun time.Time
	after time.Duration
}

func (f failure) Error() string {
	return fmt.Sprintf("%s, after %v: %v", f.begun.Format("15:04:05.000"), f.after.Round(time.Millisecond), f.err)
}

func (f failure) Unwrap() error { return f.err }

type report struct {
	mu  sync.Mutex
	sum Summary
}

func (r *report) add(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Answered++
	r.sum.Longest = max(r.sum.Longest, took)
}

func (r *report) addCloseRace() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.CloseRaces++
}

func (r *report) addResent() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Resent++
}

func (r *report) fail(f failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(f, syscall.ECONNREFUSED) {
		r.sum.Refused++
	}
	r.sum.Failed = append(r.sum.Failed, f)
}

func (r *report) summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum
}
