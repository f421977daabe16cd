package main

import (
	"fmt"
	"os"
	"time"
)

// A sample is what one turn of one server measured.
type sample struct {
	rate   float64 // answered requests per second
	cost   float64 // CPU time of the server per request, in microseconds
	busy   float64 // share of the time in which the server's core worked for it
	others float64 // CPU time of other programs, in cores
}

// sampleServer has one turn.
func sampleServer(s *server, c client, d time.Duration) (sample, error) {
	before, err := readClocks(s)
	if err != nil {
		return sample{}, err
	}
	rate, requests, err := c.run(s, d)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if requests == 0 {
		return sample{}, fmt.Errorf("%s answered nothing in %s", s.name, d)
	}
	after, err := readClocks(s)
	if err != nil {
		return sample{}, err
	}
	return sampleOf(after.since(before), rate, requests), s.check()
}

// sampleOf returns the sample of a server that answered requests at a rate a second.
func sampleOf(u usage, rate, requests float64) sample {
	return sample{
		rate:   rate,
		cost:   float64(u.server.Nanoseconds()) / 1000 / requests,
		busy:   u.server.Seconds() / u.wall.Seconds(),
		others: u.others(),
	}
}

// interleave gives each server its turn in every round, so that what else
// happens on the machine happens to all of them. The result is [server][round].
// clientOf returns the client of a server.
func interleave(servers []*server, clientOf func(*server) client, rounds int, d time.Duration) ([][]sample, error) {
	samples := make([][]sample, len(servers))
	for _, s := range servers { // fills caches, grows buffers
		if _, err := sampleWithRetry(s, clientOf(s), d/2); err != nil {
			return nil, err
		}
	}
	for range rounds {
		taken, err := sampleRound(servers, clientOf, d)
		if err != nil {
			return nil, err
		}
		for i := range servers {
			samples[i] = append(samples[i], taken[i])
		}
	}
	return samples, nil
}

// sampleRound gives each server one turn. Those of a oneWriter alternate.
func sampleRound(servers []*server, clientOf func(*server) client, d time.Duration) ([]sample, error) {
	samples := make([]sample, len(servers))
	var alternating []*alternatingServer
	for i, s := range servers {
		c := clientOf(s)
		if w, ok := c.(oneWriter); ok {
			alternating = append(alternating, &alternatingServer{server: s, client: w, sample: &samples[i]})
			continue
		}
		var err error
		if samples[i], err = sampleWithRetry(s, c, d); err != nil {
			return nil, err
		}
	}
	return samples, alternate(alternating, d)
}

// sampleWithRetry tries twice: a machine that stalls for a second need not end a
// long run.
func sampleWithRetry(s *server, c client, d time.Duration) (sample, error) {
	taken, err := sampleServer(s, c, d)
	if err == nil {
		return taken, nil
	}
	fmt.Fprintln(os.Stderr, "bench: trying once more after:", err)
	return sampleServer(s, c, d)
}

// figures returns one figure of every sample.
func figures(samples []sample, figure func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return values
}

// summarizeRatio compares a with b round by round.
func summarizeRatio(a, b []sample, figure func(sample) float64) summary {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = figure(a[i]) / figure(b[i])
	}
	return summarize(ratios)
}

func rate(s sample) float64   { return s.rate }
func cost(s sample) float64   { return s.cost }
func busy(s sample) float64   { return s.busy }
func others(s sample) float64 { return s.others }

// othersOf is the median share of a core that other programs used in all the
// samples.
func othersOf(samples ...[]sample) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, figures(s, others)...)
	}
	return summarize(all).median
}
