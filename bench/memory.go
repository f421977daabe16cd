package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"foobar/bench/load"
)

const (
	// idleConnections is as many as the shipped configuration accepts.
	idleConnections = 10000
	// settleTime is how long after the connections were made the memory of idle
	// connections is read: garbage of handshakes counts only if it stays.
	settleTime = 10 * time.Second
	// maxIdleKiB is what an idle connection may cost, in KiB.
	maxIdleKiB = 18
)

// memory measures how much memory servers use.
func (b *benchmark) memory() error {
	b.report.title("Memory")
	b.report.paragraph("MiB, from `smaps_rollup` (Pss: what processes share is counted once). "+
		"Loaded: right after GETs over %d connections. Idle: %s after %d connections had one GET each. "+
		"16 MiB: after two states of that size were written, and after %d connections have read the last.",
		connections, settleTime, idleConnections, connections)
	var rows [][]string
	for _, name := range []string{baseline, nginx, ownServer} {
		row, err := b.memoryOf(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, row)
	}
	b.report.table([]string{"", "started", "loaded", fmt.Sprintf("%d idle connections", idleConnections), "KiB per idle connection", "16 MiB, written", "16 MiB, read"}, rows)
	return nil
}

func (b *benchmark) memoryOf(name string) ([]string, error) {
	row := []string{name}
	for _, step := range []func(*benchmark, *gauge){(*benchmark).measureConnections, (*benchmark).measureLargeState} {
		servers, err := b.workdir.startServers(name)
		if err != nil {
			return nil, err
		}
		g := gauge{server: servers[0]}
		step(b, &g)
		servers[0].stop()
		if g.err != nil {
			return nil, g.err
		}
		row = append(row, g.row...)
	}
	return row, nil
}

func (b *benchmark) measureConnections(g *gauge) {
	s := g.server
	g.do(func() error { return s.serve(kib) })
	started := g.read()
	g.do(func() error { return getFor(s, kib, b.duration) })
	g.read()
	g.do(func() error {
		pool, err := load.Open(s.target(), idleConnections, s.path(kib))
		if err != nil {
			return err
		}
		defer pool.Close()
		time.Sleep(settleTime) // this is the condition that is measured
		each := (g.read() - started) / idleConnections / kib
		g.row = append(g.row, fmt.Sprintf("%.1f", each))
		if s.name == ownServer {
			ratio := maxIdleKiB / each
			b.report.addTarget(target{fmt.Sprintf("Memory of an idle connection: %d KiB to foobar's", maxIdleKiB), 1, summary{ratio, ratio, ratio}, 0})
		}
		return nil
	})
}

func (b *benchmark) measureLargeState(g *gauge) {
	const large = 16 * kib * kib
	s := g.server
	g.do(func() error { return s.serve(large) })
	g.do(func() error { return s.putOverHTTPS(large) }) // once more, over a state of that size
	g.read()
	g.do(func() error { return getFor(s, large, b.duration) })
	g.read()
}

// getFor sends GETs to a server for a while.
func getFor(s *server, size int, d time.Duration) error {
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
		bytes, err = residentMemory(g.server.pids())
		return err
	})
	g.row = append(g.row, fmt.Sprintf("%.1f", bytes/kib/kib))
	return bytes
}

// residentMemory returns the memory of processes in bytes. Memory that several
// processes share is counted once (Pss of proc_pid_smaps(5)), so for a process
// that shares nothing this is its resident set.
func residentMemory(pids []int) (float64, error) {
	var sum float64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				kibibytes, err := strconv.ParseFloat(fields[1], 64)
				if err != nil {
					return 0, err
				}
				sum += kibibytes * kib
			}
		}
	}
	return sum, nil
}
