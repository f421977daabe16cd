package main

import (
	"fmt"
	"slices"
	"time"

	"foobar/bench/load"

	"golang.org/x/sys/unix"
	"gonum.org/v1/plot/plotter"
)

// A dimension is what grows in one table: connections, writers or the size of
// the state.
type dimension struct {
	name, title, label string
	values             []int
	format             func(int) string
	connections, size  func(value int) int
	write              bool
	targets            []scalingTarget
}

// A scalingTarget is the least ratio of foobar's rate at one value to its rate
// at another.
type scalingTarget struct {
	value, base int
	least       float64
}

func dimensions() []dimension {
	return []dimension{
		{"connections", "GET 1 KiB, more and more connections", "connections",
			[]int{10, 50, 200, 1000, 3000, 10000, 18000}, decimal, identity, constant(kib), false, nil},
		{"sizes", "GET of a larger and larger state, 10 connections", "size of the state",
			[]int{kib, 8 * kib, 64 * kib, 512 * kib, 4096 * kib, 16384 * kib}, binarySize, constant(10), identity, false, nil},
		{"writers", "POST 1 KiB, more and more writers", "writers",
			[]int{1, 4, 16, 64, 256, 1024}, decimal, identity, constant(kib), true,
			[]scalingTarget{{256, 64, 0.9}, {1024, 64, 0.9}}},
		{"writes", "POST of a larger and larger state, 4 writers", "size of the state",
			[]int{kib, 16 * kib, 256 * kib, 2048 * kib, 16384 * kib}, binarySize, constant(4), identity, true, nil},
	}
}

func identity(value int) int       { return value }
func constant(n int) func(int) int { return func(int) int { return n } }
func decimal(n int) string         { return fmt.Sprint(n) }
func binarySize(n int) string {
	if n >= kib*kib {
		return fmt.Sprintf("%d MiB", n/kib/kib)
	}
	return fmt.Sprintf("%d KiB", n/kib)
}

// A measurement is one server at one value: each turn's rate, in requests per
// second, 99th percentile, in milliseconds, and CPU time of other programs, in
// cores.
type measurement struct{ rates, p99s, others []float64 }

// scaling shows how the rate and the slowest responses change along a dimension.
func (b *benchmark) scaling(d dimension) error {
	values := d.possible()
	b.workdir.connectionLimit = d.connections(values[len(values)-1])
	servers, err := b.workdir.startServers(baseline, nginx, ownServer)
	if err != nil {
		return err
	}
	defer stopServers(servers)
	measured := make([][]measurement, len(servers)) // [server][value]
	for _, value := range values {
		for i, s := range servers {
			m, err := b.measure(d, s, value)
			if err != nil {
				return fmt.Errorf("%s with %d %s: %w", s.name, value, d.label, err)
			}
			measured[i] = append(measured[i], m)
		}
	}
	return b.printScaling(d, servers, values, measured)
}

// possible returns the values for which a process may have enough files open,
// for as many connections and some more.
func (d dimension) possible() []int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return d.values
	}
	var values []int
	for _, value := range d.values {
		if uint64(d.connections(value))+500 < limit.Max {
			values = append(values, value)
		}
	}
	return values
}

// measure takes turns over connections that stay open.
func (b *benchmark) measure(d dimension, s *server, value int) (measurement, error) {
	size, n := d.size(value), d.connections(value)
	if err := s.serve(size); err != nil {
		return measurement{}, err
	}
	pool, err := load.Open(s.target(), n, s.path(size))
	if err != nil {
		return measurement{}, err
	}
	defer pool.Close()
	get := load.Get(s.path(size))
	request := func(int) []byte { return get }
	if d.write {
		request = load.Writes(n, s.write.method, s.write.path, s.write.token, size)
	}
	var m measurement
	window := b.window(n)
	for turn := range minRounds + 1 {
		before, err := readClocks(s)
		if err != nil {
			return measurement{}, err
		}
		result, err := pool.Run(window, request)
		for err == nil && result.Requests() == 0 { // too short for this size or this machine
			window *= 2
			result, err = pool.Run(window, request)
		}
		if err != nil {
			return measurement{}, err
		}
		if turn == 0 {
			continue // fills caches, grows buffers
		}
		after, err := readClocks(s)
		if err != nil {
			return measurement{}, err
		}
		m.others = append(m.others, after.since(before).others())
		m.rates = append(m.rates, result.Rate())
		m.p99s = append(m.p99s, float64(result.Quantile(0.99).Microseconds())/1000)
	}
	return m, nil
}

// window is the time of one turn, in which each of n connections sends several
// requests.
func (b *benchmark) window(n int) time.Duration {
	requests := time.Duration(n) * 200 * time.Microsecond
	if b.quick {
		return max(requests, 200*time.Millisecond)
	}
	return max(requests, 600*time.Millisecond)
}

func (b *benchmark) printScaling(d dimension, servers []*server, values []int, measured [][]measurement) error {
	b.report.title(d.title)
	if values[len(values)-1] != d.values[len(d.values)-1] {
		b.report.paragraph("Larger values need more open files than a process may have here (`ulimit -Hn`).")
	}
	header := []string{d.label}
	for _, figure := range []string{"requests/s", "p99 ms"} {
		for _, s := range servers {
			header = append(header, s.name+", "+figure)
		}
	}
	var rows [][]string
	for v, value := range values {
		row := []string{d.format(value)}
		for i := range servers {
			row = append(row, threeDigits(summarize(measured[i][v].rates).median))
		}
		for i := range servers {
			row = append(row, threeDigits(summarize(measured[i][v].p99s).median))
		}
		rows = append(rows, row)
	}
	b.report.table(header, rows)
	for _, t := range d.targets {
		b.report.addTarget(t.measure(d, values, measured[len(servers)-1]))
	}
	rates, p99s := d.chart("requests per second"), d.chart("p99, milliseconds")
	for i, s := range servers {
		rates.add(s.name, values, measured[i], func(m measurement) []float64 { return m.rates })
		p99s.add(s.name, values, measured[i], func(m measurement) []float64 { return m.p99s })
	}
	return b.report.plot(d.name+".svg", d.title, rates, p99s)
}

func (t scalingTarget) measure(d dimension, values []int, own []measurement) target {
	at, base := own[slices.Index(values, t.value)], own[slices.Index(values, t.base)]
	ratios := summarize(at.rates).scale(1 / summarize(base.rates).median)
	return target{fmt.Sprintf("%s: foobar's rate with %d %s to that with %d", d.title, t.value, d.label, t.base), t.least, ratios,
		max(summarize(at.others).median, summarize(base.others).median)}
}

func (d dimension) chart(title string) chart {
	return chart{title: title, label: d.label, tick: func(v float64) string { return d.format(int(v)) }}
}

// add adds a line with the median of one figure at each value.
func (c *chart) add(name string, values []int, measured []measurement, figure func(measurement) []float64) {
	l := line{name: name}
	for v, value := range values {
		l.points = append(l.points, plotter.XY{X: float64(value), Y: summarize(figure(measured[v])).median})
	}
	c.lines = append(c.lines, l)
}

// threeDigits writes a number with three digits, or as a whole number.
func threeDigits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
