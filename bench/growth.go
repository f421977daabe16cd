package main

import (
	"fmt"
	"time"

	"foobar/bench/load"
	"foobar/plot"
)

// A point is one server at one place of an axis.
type point struct{ rate, p99 float64 } // requests/s, milliseconds

// An axis is what grows in one table, and how to put a server under it.
type axis struct {
	file, title, label string
	values             []int
	tick               func(int) string
	peers              []string
	// pool is how many connections there are, request what they send.
	pool    func(value int) int
	size    func(value int) int
	request func(s *server, value int) func(conn int) []byte
}

func axes() []axis {
	gets := func(s *server, size int) func(int) []byte {
		get := load.Get(s.path(size))
		return func(int) []byte { return get }
	}
	all := []string{baseline, nginx, foobar}
	return []axis{
		{"connections.svg", "GET 1 KiB, more and more connections", "connections",
			[]int{10, 50, 200, 1000, 3000, 10000}, plain, all,
			same, always(kib), func(s *server, _ int) func(int) []byte { return gets(s, kib) }},
		{"sizes.svg", "GET of a larger and larger state, 10 connections", "size of the state",
			[]int{kib, 8 * kib, 64 * kib, 512 * kib, 4096 * kib, 16384 * kib}, binary, all,
			always(10), same, func(s *server, size int) func(int) []byte { return gets(s, size) }},
		{"writers.svg", "POST 1 KiB, more and more writers", "writers",
			[]int{1, 4, 16, 64, 256}, plain, all,
			same, always(kib), func(s *server, n int) func(int) []byte { return posts(s, n, kib) }},
		{"writes.svg", "POST of a larger and larger state, 4 writers", "size of the state",
			[]int{kib, 16 * kib, 256 * kib, 2048 * kib, 16384 * kib}, binary, all,
			always(4), same, func(s *server, size int) func(int) []byte { return posts(s, 4, size) }},
	}
}

func posts(s *server, n, size int) func(int) []byte {
	return load.Writes(n, s.write.method, s.write.path, s.write.token, size)
}

func same(value int) int         { return value }
func always(n int) func(int) int { return func(int) int { return n } }
func plain(n int) string         { return fmt.Sprint(n) }
func binary(n int) string {
	if n >= kib*kib {
		return fmt.Sprintf("%d MiB", n/kib/kib)
	}
	return fmt.Sprintf("%d KiB", n/kib)
}

// growth shows how throughput and the slowest answers change with the load.
func (b *bench) growth() error {
	b.report.section("How cost grows")
	b.report.paragraph("HTTP/1.1; requests per second, and the time in milliseconds in which 99 of 100 were answered. " +
		"The client is our own (`bench/load`), as the clock of wrk runs while it connects, which is most of the time with 10,000 connections.")
	for _, a := range axes() {
		if err := b.grow(a); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
	}
	return nil
}

func (b *bench) grow(a axis) error {
	servers, err := b.place.start(a.peers...)
	if err != nil {
		return err
	}
	defer stop(servers)
	points := make([][]point, len(servers)) // [server][value]
	for _, value := range a.values {
		for i, s := range servers {
			p, err := b.at(a, s, value)
			if err != nil {
				return fmt.Errorf("%s with %d %s: %w", s.name, value, a.label, err)
			}
			points[i] = append(points[i], p)
		}
	}
	b.show(a, servers, points)
	return nil
}

// at measures a server at one place of the axis, over connections that stay.
func (b *bench) at(a axis, s *server, value int) (point, error) {
	if err := s.serve(a.size(value)); err != nil {
		return point{}, err
	}
	pool, err := load.Open(s.target(), a.pool(value), s.path(a.size(value)))
	if err != nil {
		return point{}, err
	}
	defer pool.Close()
	request, window := a.request(s, value), b.window(a.pool(value))
	var rates, p99s []float64
	for round := range b.windows() + 1 {
		result, err := pool.Run(window, request)
		for err == nil && result.Requests() == 0 { // too short for this size, or this machine
			window *= 2
			result, err = pool.Run(window, request)
		}
		if err != nil {
			return point{}, err
		}
		if round == 0 {
			continue // it warms up
		}
		rates = append(rates, result.Rate())
		p99s = append(p99s, float64(result.Quantile(0.99).Microseconds())/1000)
	}
	return point{spreadOf(rates).median, spreadOf(p99s).median}, nil
}

func (b *bench) windows() int {
	if b.quick {
		return 1
	}
	return 3
}

// window is for one measurement: n connections shall have several turns in it.
func (b *bench) window(n int) time.Duration {
	turns := time.Duration(n) * 200 * time.Microsecond
	if b.quick {
		return max(turns, 300*time.Millisecond)
	}
	return max(turns, 600*time.Millisecond)
}

func (b *bench) show(a axis, servers []*server, points [][]point) {
	b.report.print("\n#### %s\n\n", a.title)
	header := []string{a.label}
	for _, of := range []string{"requests/s", "p99 ms"} {
		for _, s := range servers {
			header = append(header, s.name+", "+of)
		}
	}
	var rows [][]string
	for v, value := range a.values {
		row := []string{a.tick(value)}
		for i := range servers {
			row = append(row, significant(points[i][v].rate))
		}
		for i := range servers {
			row = append(row, significant(points[i][v].p99))
		}
		rows = append(rows, row)
	}
	b.report.table(header, rows)
	rates, p99s := a.chart("requests per second"), a.chart("p99, milliseconds")
	for i, s := range servers {
		line, slow := plot.Series{Name: s.name}, plot.Series{Name: s.name}
		for v, value := range a.values {
			line.X, line.Y = append(line.X, float64(value)), append(line.Y, points[i][v].rate)
			slow.X, slow.Y = append(slow.X, float64(value)), append(slow.Y, points[i][v].p99)
		}
		rates.Series, p99s.Series = append(rates.Series, line), append(p99s.Series, slow)
	}
	b.report.plot(a.file, a.title, rates, p99s)
}

func (a axis) chart(title string) plot.Chart {
	return plot.Chart{Title: title, XLabel: a.label, XTick: func(v float64) string { return a.tick(int(v)) }}
}

// significant writes a number with three digits or as a whole one.
func significant(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
