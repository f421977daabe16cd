package main

import (
	"fmt"
	"slices"
	"time"

	"foobar/bench/load"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// arrivalShares are the arrival rates, as shares of the rate that nginx reaches in a
// closed loop.
var arrivalShares = []float64{0.5, 0.8}

// arrivalTurn is the length of a turn. A stall of the machine lasts some milliseconds,
// and decides the p99 of a turn in which it occurs. In turns of a second, most have one.
const arrivalTurn = 100 * time.Millisecond

// latency measures how long requests take that arrive at a fixed rate, the same
// for all servers.
func (b *benchmark) latency() error {
	b.report.title("Latency at a fixed arrival rate")
	b.report.paragraph("GET 1 KiB over HTTP/1.1, in milliseconds. "+
		"Requests arrive at a fixed rate, a share of what nginx answers at most over as many connections, whether the server keeps up or not. "+
		"A latency counts from the time that the request was due, not from when it could be sent. "+
		"The percentiles are those of all turns together; the last column has those of single turns, which the targets compare. "+
		"A turn takes %s, so that a stall of the machine, which lasts some milliseconds, is in few of them.", arrivalTurn)
	servers, err := b.workdir.startServers(nginx, h2o, haproxy, ownServer)
	if err != nil {
		return err
	}
	defer stopServers(servers)
	for _, s := range servers {
		if err := s.serve(kib); err != nil {
			return err
		}
	}
	var rows [][]string
	var lateness []*hdrhistogram.Histogram
	for _, n := range []int{10, 50, 1000} {
		limit, err := b.closedLoopRate(servers[0], n)
		if err != nil {
			return err
		}
		for _, share := range arrivalShares {
			arrivals := make([]*arrival, len(servers))
			for i, s := range servers {
				arrivals[i] = &arrival{server: s, connections: n, rate: share * limit, share: share}
			}
			if err := b.measureArrivals(arrivals); err != nil {
				return err
			}
			for _, a := range arrivals {
				rows = append(rows, a.row())
				lateness = append(lateness, a.lateness)
			}
			b.addLatencyTarget(arrivals[0], arrivals[len(arrivals)-1])
		}
	}
	b.report.table([]string{"", "p50", "p90", "p99", "p99.9", "p99 of a turn"}, rows)
	b.report.print("\nThe client itself sent 99 of 100 requests at most %s ms late.\n", milliseconds(merge(lateness).ValueAtQuantile(99)))
	return nil
}

// closedLoopRate returns how many requests per second a server answers at most.
func (b *benchmark) closedLoopRate(s *server, connections int) (float64, error) {
	pool, err := load.Open(s.target(), connections, s.path(kib))
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	get := load.Get(s.path(kib))
	var rates []float64
	for range minRounds {
		result, err := pool.RunAt(0, b.arrivalTime(), func(int) []byte { return get })
		if err != nil {
			return 0, err
		}
		rates = append(rates, result.Rate())
	}
	return summarize(rates).median, nil
}

// arrivalTime is how long requests arrive at a server in each round.
func (b *benchmark) arrivalTime() time.Duration {
	if b.quick {
		return b.duration / 4
	}
	return b.duration
}

// An arrival is one server with requests that arrive at one rate.
type arrival struct {
	server      *server
	connections int
	rate, share float64
	pool        *load.Pool

	p99s       []float64 // of each turn, milliseconds
	used       usage     // in this round
	others     []float64 // CPU time of other programs in each round, in cores
	latencies  *hdrhistogram.Histogram
	lateness   *hdrhistogram.Histogram
	unanswered int
}

// measureArrivals gives each server many short turns in every round. The connections
// stay open from turn to turn.
func (b *benchmark) measureArrivals(arrivals []*arrival) error {
	defer func() {
		for _, a := range arrivals {
			a.close()
		}
	}()
	for _, a := range arrivals { // fills caches, grows buffers
		if _, _, err := a.run(b.arrivalTime()); err != nil {
			return fmt.Errorf("%s: %w", a.server.name, err)
		}
	}
	order := slices.Clone(arrivals)
	for range b.rounds {
		for range b.arrivalTime() / arrivalTurn {
			for _, a := range order {
				result, used, err := a.run(arrivalTurn)
				if err != nil {
					return fmt.Errorf("%s: %w", a.server.name, err)
				}
				a.add(result, used)
			}
			slices.Reverse(order) // so that no server always follows the same one
		}
		for _, a := range arrivals {
			a.others = append(a.others, a.used.others())
			a.used = usage{}
		}
	}
	return nil
}

func (a *arrival) run(d time.Duration) (result load.OpenResult, used usage, err error) {
	s := a.server
	if a.pool == nil {
		if a.pool, err = load.Open(s.target(), a.connections, s.path(kib)); err != nil {
			return result, used, err
		}
	}
	before, err := readClocks(s)
	if err != nil {
		return result, used, err
	}
	get := load.Get(s.path(kib))
	if result, err = a.pool.RunAt(a.rate, d, func(int) []byte { return get }); err != nil {
		return result, used, err
	}
	after, err := readClocks(s)
	if result.Unanswered > 0 {
		a.close() // responses would arrive in the next turn
	}
	return result, after.since(before), err
}

func (a *arrival) close() {
	if a.pool != nil {
		a.pool.Close()
		a.pool = nil
	}
}

func (a *arrival) add(result load.OpenResult, used usage) {
	a.p99s = append(a.p99s, float64(result.Quantile(0.99))/float64(time.Millisecond))
	a.used = a.used.plus(used)
	a.unanswered += result.Unanswered
	if a.latencies == nil {
		a.latencies, a.lateness = result.Latencies, result.Lateness
		return
	}
	a.latencies.Merge(result.Latencies)
	a.lateness.Merge(result.Lateness)
}

func (a *arrival) row() []string {
	name := fmt.Sprintf("%d connections, %.0f/s (%.0f %%), %s", a.connections, a.rate, 100*a.share, a.server.name)
	if a.unanswered > 0 {
		name += ", overloaded"
	}
	row := []string{name}
	for _, percentile := range []float64{50, 90, 99, 99.9} {
		row = append(row, milliseconds(a.latencies.ValueAtQuantile(percentile)))
	}
	return append(row, summarize(a.p99s).format("%.2f"))
}

func (b *benchmark) addLatencyTarget(theirs, own *arrival) {
	ratios := make([]float64, len(own.p99s))
	for i := range ratios {
		ratios[i] = theirs.p99s[i] / own.p99s[i]
	}
	b.report.addTarget(target{
		fmt.Sprintf("p99 of GET 1 KiB over %d connections at %.0f %%: that of %s to foobar's", own.connections, 100*own.share, theirs.server.name),
		1, summarize(ratios), max(summarize(own.others).median, summarize(theirs.others).median),
	})
}

func merge(histograms []*hdrhistogram.Histogram) *hdrhistogram.Histogram {
	for _, h := range histograms[1:] {
		histograms[0].Merge(h)
	}
	return histograms[0]
}

// milliseconds writes nanoseconds.
func milliseconds(ns int64) string { return fmt.Sprintf("%.2f", float64(ns)/1e6) }
