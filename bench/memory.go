package main

import (
	"fmt"
	"time"

	"foobar/bench/load"
)

// idle is how many idle connections memory is measured with: as many as the
// shipped configuration lets in.
const idle = 10000

// memory measures what servers keep in memory.
func (b *bench) memory() error {
	b.report.section("Memory")
	b.report.paragraph("MiB, from `smaps_rollup` (Pss: what processes share is counted once). Loaded: right after GETs over %d connections; "+
		"16 MiB: of a server that has been sent two states of that size, and after %d connections have read the last.", connections, connections)
	var rows [][]string
	for _, name := range []string{baseline, nginx, foobar} {
		row, err := b.memoryOf(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, row)
	}
	b.report.table([]string{"", "started", "loaded", fmt.Sprintf("%d idle connections", idle), "KiB per idle connection", "16 MiB, written", "16 MiB, read"}, rows)
	return nil
}

func (b *bench) memoryOf(name string) ([]string, error) {
	row := []string{name}
	for _, of := range []func(*bench, *gauge){(*bench).withConnections, (*bench).withLargeState} {
		servers, err := b.place.start(name)
		if err != nil {
			return nil, err
		}
		g := gauge{server: servers[0]}
		of(b, &g)
		servers[0].stop()
		if g.err != nil {
			return nil, g.err
		}
		row = append(row, g.row...)
	}
	return row, nil
}

func (b *bench) withConnections(g *gauge) {
	s := g.server
	g.do(func() error { return s.serve(kib) })
	g.read()
	g.do(func() error { return busyWith(s, kib, b.round) })
	loaded := g.read()
	g.do(func() error {
		pool, err := load.Open(s.target(), idle, s.path(kib))
		if err != nil {
			return err
		}
		defer pool.Close()
		full := g.read()
		g.row = append(g.row, fmt.Sprintf("%.1f", (full-loaded)/idle/kib))
		return nil
	})
}

func (b *bench) withLargeState(g *gauge) {
	const large = 16 * kib * kib
	s := g.server
	g.do(func() error { return s.serve(large) })
	g.do(func() error { return s.post(large) }) // once more: over another of that size
	g.read()
	g.do(func() error { return busyWith(s, large, b.round) })
	g.read()
}

// busyWith keeps a server busy for a while.
func busyWith(s *server, size int, d time.Duration) error {
	pool, err := load.Open(s.target(), connections, s.path(size))
	if err != nil {
		return err
	}
	defer pool.Close()
	get := load.Get(s.path(size))
	_, err = pool.Run(d, func(int) []byte { return get })
	return err
}

// A gauge reads a server's memory into a row, and keeps the first error.
type gauge struct {
	server *server
	row    []string
	err    error
}

func (g *gauge) do(f func() error) {
	if g.err == nil {
		g.err = f()
	}
}

// read returns bytes.
func (g *gauge) read() float64 {
	var bytes float64
	g.do(func() (err error) {
		bytes, err = memory(g.server.pids())
		return err
	})
	g.row = append(g.row, fmt.Sprintf("%.1f", bytes/kib/kib))
	return bytes
}
