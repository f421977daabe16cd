package main

import (
	"fmt"
	"slices"
)

const kib = 1 << 10

// A workload is one table: peers under the same load.
type workload struct {
	name, title string
	size        int // of the state, bytes
	client      client
	clients     map[string]client // of peers that need another client
	peers       []string
	note        string
	targets     []ratioTarget
}

// A ratioTarget is the least ratio to a peer: of the peer's CPU time per request
// to foobar's, or of foobar's rate to the peer's.
type ratioTarget struct {
	peer   string
	least  float64
	byRate bool
}

func workloads() []workload {
	files := []string{baseline, nginx, h2o, haproxy, caddy, bareTLS, ownServer}
	overH2 := []string{baseline, nginx, h2o, haproxy, caddy, ownServer}
	const limit = "The bare TLS loop (`bench/limit`) is the limit of crypto/tls: it parses nothing and checks nothing."
	return []workload{
		{"get-1k", "GET 1 KiB over HTTP/1.1", kib, wrk{kib}, nil, files, limit,
			[]ratioTarget{{nginx, 1, false}, {h2o, 1, false}}},
		{"get-64k", "GET 64 KiB over HTTP/1.1", 64 * kib, wrk{64 * kib}, nil, files, limit,
			[]ratioTarget{{nginx, 1, false}}},
		{"get-h2", "GET 1 KiB over HTTP/2", kib, h2load{kib}, nil, overH2, "",
			[]ratioTarget{{baseline, 0.85, false}, {caddy, 1.5, false}}},
		{"post", "POST 1 KiB, 16 writers", kib, writers{16, kib}, map[string]client{
			redis: redisWriters{16, kib}, etcd: etcdWriters{16, kib}, postgresql: postgresWriters{16, kib},
		}, []string{baseline, nginx, redis, etcd, postgresql, bareTLS, ownServer},
			"Foobar, Redis (`appendfsync always`), etcd (one member, gRPC), PostgreSQL (one row) and the bare TLS loop (one `fdatasync` a request) answer once the write is on disk. " +
				"Baseline writes the file in place, and nginx (DAV PUT) renames a file that is not on disk.",
			[]ratioTarget{{baseline, 3, false}, {redis, 1, true}, {etcd, 1, true}, {postgresql, 1, true}}},
		{"post-1", "POST 1 KiB, 1 writer", kib, oneWriter{kib}, map[string]client{
			redis: redisWriters{1, kib}, etcd: etcdWriters{1, kib}, postgresql: postgresWriters{1, kib},
		}, []string{baseline, nginx, redis, etcd, postgresql, bareTLS, ownServer},
			fmt.Sprintf("The bare TLS loop is the limit: one `fdatasync` of this disk for each request. "+
				"As the speed of the disk changes within a second, the servers that speak HTTP take turns of %s.", alternatingTurn),
			[]ratioTarget{{bareTLS, 0.85, true}}},
		{"post-2m", "POST 2 MiB, 4 writers", 2048 * kib, writers{4, 2048 * kib}, nil, []string{baseline, nginx, bareTLS, ownServer},
			"Foobar and the bare TLS loop answer once the state is on disk; baseline and nginx before that.",
			[]ratioTarget{{nginx, 1, true}}},
	}
}

// table compares the peers of a workload.
func (b *benchmark) table(w workload) error {
	servers, err := b.workdir.startServers(w.peers...)
	if err != nil {
		return err
	}
	defer stopServers(servers)
	for _, s := range servers {
		if err := s.serve(w.size); err != nil {
			return err
		}
	}
	samples, err := interleave(servers, w.clientOf, b.rounds, b.duration)
	if err != nil {
		return err
	}
	b.report.title(w.title)
	if w.note != "" {
		b.report.paragraph("%s", w.note)
	}
	own := slices.Index(w.peers, ownServer)
	rows := make([][]string, len(servers))
	for i, s := range servers {
		rows[i] = []string{s.name, summarize(figures(samples[i], cost)).format("%.1f"),
			summarizeRatio(samples[i], samples[own], cost).format("%.2f"),
			summarize(figures(samples[i], rate)).format("%.0f"),
			fmt.Sprintf("%.0f %%", 100*summarize(figures(samples[i], busy)).median)}
	}
	b.report.table([]string{"", "µs of CPU per request", "to foobar's", "requests/s", "core busy"}, rows)
	if err := b.fdatasyncRow(w); err != nil {
		return err
	}
	for _, t := range w.targets {
		b.report.addTarget(t.measure(w.title, samples[own], samples[slices.Index(w.peers, t.peer)]))
	}
	return nil
}

func (w workload) clientOf(s *server) client {
	if c, ok := w.clients[s.name]; ok {
		return c
	}
	return w.client
}

func (t ratioTarget) measure(title string, own, theirs []sample) target {
	if t.byRate {
		return target{fmt.Sprintf("%s: rate, foobar's to that of %s", title, t.peer), t.least,
			summarizeRatio(own, theirs, rate), othersOf(own, theirs)}
	}
	return target{fmt.Sprintf("%s: CPU per request, that of %s to foobar's", title, t.peer), t.least,
		summarizeRatio(theirs, own, cost), 0}
}
