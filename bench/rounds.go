package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// A sample is one server under one client for a while.
type sample struct {
	rate float64 // answered requests per second
	cost float64 // the server's time on its core per request, in microseconds
	busy float64 // share of the time in which the server's core worked for it
}

// measure takes one sample.
func measure(s *server, c client, d time.Duration) (sample, error) {
	before, err := cpu(s.pids())
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	rate, requests, err := c.run(s, d)
	if err != nil {
		return sample{}, err
	}
	if requests == 0 {
		return sample{}, fmt.Errorf("%s answered nothing in %s", s.name, d)
	}
	elapsed := time.Since(start)
	after, err := cpu(s.pids())
	if err != nil {
		return sample{}, err
	}
	spent := after - before
	return sample{rate, float64(spent.Microseconds()) / requests, spent.Seconds() / elapsed.Seconds()}, s.check()
}

// interleave takes rounds samples of each server in turn, so that what else
// happens on the machine happens to all of them. Result: [server][round].
func interleave(servers []*server, c client, rounds int, d time.Duration) ([][]sample, error) {
	samples := make([][]sample, len(servers))
	for _, s := range servers { // caches are filled, buffers grown
		if _, err := measure(s, c, d/4); err != nil {
			return nil, err
		}
	}
	for range rounds {
		for i, s := range servers {
			sample, err := measure(s, c, d)
			if err != nil { // a machine that stalls for a second need not end a long run
				fmt.Fprintln(os.Stderr, "bench: once more, after:", err)
				sample, err = measure(s, c, d)
			}
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], sample)
		}
	}
	return samples, nil
}

// A spread is the median of some values and how far they go.
type spread struct{ median, low, high float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

func (s spread) format(one string) string {
	return fmt.Sprintf(one+" ("+one+" – "+one+")", s.median, s.low, s.high)
}

// each applies f to every sample.
func each(samples []sample, f func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return values
}

// ratio compares a with b round by round.
func ratio(a, b []sample, of func(sample) float64) spread {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = of(a[i]) / of(b[i])
	}
	return spreadOf(ratios)
}

func rate(s sample) float64 { return s.rate }
func cost(s sample) float64 { return s.cost }
func busy(s sample) float64 { return s.busy }
