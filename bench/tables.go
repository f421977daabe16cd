package main

import (
	"fmt"
	"slices"
)

// A workload is one table: peers under the same client.
type workload struct {
	title  string
	size   int
	client client
	peers  []string
	// bar is the least ratio to a peer, if there is one.
	bar     float64
	against string
}

const kib = 1 << 10

func workloads() []workload {
	return []workload{
		{"GET 1 KiB over HTTP/1.1", kib, wrk{kib}, []string{baseline, nginx, caddy, foobar}, 1, nginx},
		{"GET 64 KiB over HTTP/1.1", 64 * kib, wrk{64 * kib}, []string{baseline, nginx, caddy, foobar}, 1, nginx},
		{"GET 1 KiB over HTTP/2", kib, h2load{kib}, []string{baseline, nginx, caddy, foobar}, 1.3, baseline},
		{"Durable POST 1 KiB, 16 writers", kib, writers{16, kib}, []string{baseline, nginx, foobar}, 4, baseline},
	}
}

// tables compares foobar with its peers.
func (b *bench) tables() error {
	peers := []string{baseline, nginx, caddy, foobar}
	if b.quick { // bench/run spares itself the time to build it
		peers = []string{baseline, nginx, foobar}
	}
	servers, err := b.place.start(peers...)
	if err != nil {
		return err
	}
	defer stop(servers)
	for _, w := range workloads() {
		if err := b.table(w, servers); err != nil {
			return fmt.Errorf("%s: %w", w.title, err)
		}
	}
	b.report.print("\nOnly foobar's POST is durable: baseline writes the file in place, and nginx (DAV PUT) renames a file that is not on disk.\n")
	return nil
}

func (b *bench) table(w workload, all []*server) error {
	servers := slices.DeleteFunc(slices.Clone(all), func(s *server) bool { return !slices.Contains(w.peers, s.name) })
	for _, s := range servers {
		if err := s.serve(w.size); err != nil {
			return err
		}
	}
	samples, err := interleave(servers, w.client, b.rounds, b.round)
	if err != nil {
		return err
	}
	of := func(name string) []sample {
		return samples[slices.IndexFunc(servers, func(s *server) bool { return s.name == name })]
	}
	b.report.section(w.title)
	rows := make([][]string, len(servers))
	for i, s := range servers {
		rows[i] = []string{s.name, spreadOf(each(samples[i], rate)).format("%.0f"),
			ratio(samples[i], of(baseline), rate).format("%.2f"), ratio(samples[i], of(nginx), rate).format("%.2f"),
			fmt.Sprintf("%.1f", spreadOf(each(samples[i], cost)).median),
			fmt.Sprintf("%.0f %%", 100*spreadOf(each(samples[i], busy)).median)}
	}
	b.report.table([]string{"", "requests/s", "to baseline", "to nginx", "µs of CPU per request", "core busy"}, rows)
	b.report.hold(fmt.Sprintf("%s, foobar to %s", w.title, w.against), w.bar, ratio(of(foobar), of(w.against), rate))
	return nil
}
