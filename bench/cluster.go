package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"foobar/bench/load"
)

// The servers of the section that only it has.
const (
	foobarEtcd = "foobar-etcd"
	rawClient  = "clientv3"
	withSync   = "PostgreSQL, synchronous standby"
)

// clusterReaders and clusterWriters are the clients at a time.
const (
	clusterReaders = 64
	clusterWriters = 16
)

// networkDelay is that of each message between two machines, one way.
const networkDelay = time.Millisecond

// cluster measures the state in etcd: beside raw calls of etcd's own client, the state
// on the disk, and PostgreSQL with a synchronous standby.
func (b *benchmark) cluster() error {
	b.report.title("Several machines")
	b.workdir.cores = bothCores
	defer func() { b.workdir.cores = serverCore }()
	b.report.paragraph("Three members of etcd, with certificates, and foobar-etcd; all servers and their clients share both cores and one disk, so that the ratios carry over and the rates do not. " +
		"`clientv3` is etcd's own client with one call for each request: linearizable reads, one after the other, and a transaction for each write. " +
		"`foobar` has its state on the disk: the difference is what the cluster costs.")
	for _, delay := range []time.Duration{0, networkDelay} {
		if err := b.clusterWith(delay); err != nil {
			return err
		}
	}
	return nil
}

// clusterWith measures with a delay of each message between two machines.
func (b *benchmark) clusterWith(delay time.Duration) error {
	dir, err := os.MkdirTemp(b.workdir.path, "members-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m, err := b.workdir.startMembers(dir, delay)
	if err != nil {
		return err
	}
	defer m.stop()
	own, err := b.workdir.startFoobarEtcd(m)
	if err != nil {
		return err
	}
	defer own.stop()
	disk, err := b.workdir.startServer(ownServer)
	if err != nil {
		return err
	}
	defer disk.stop()
	postgres, err := b.workdir.startWithStandby(delay)
	if err != nil {
		return err
	}
	defer postgres.stop()
	postgres.name = withSync
	raw := &server{name: rawClient, workdir: b.workdir, check: m.check}
	all := []*server{own, raw, disk, postgres}
	// What one server uses is not of another program: all are part of the measurement.
	pids := []func() []int{own.pids, m.pids, disk.pids, postgres.pids}
	for _, s := range all {
		s.pids = func() []int {
			var found []int
			for _, of := range pids {
				found = append(found, of()...)
			}
			return found
		}
	}
	for _, s := range []*server{own, disk} {
		if err := s.serve(kib); err != nil {
			return err
		}
	}
	return b.clusterTable(delay, m, all)
}

// A clusterRow is one load.
type clusterRow struct {
	title   string
	clients map[string]client // by server
	least   float64           // ratio of the rate to that of clientv3
}

func clusterRows(m *members) []clusterRow {
	write := func(n int) map[string]client {
		return map[string]client{foobarEtcd: writers{n, kib}, rawClient: rawCalls{m, n, kib, true}, ownServer: writers{n, kib}, withSync: postgresWriters{n, kib}}
	}
	return []clusterRow{
		{fmt.Sprintf("GET 1 KiB, %d clients (clientv3: 1)", clusterReaders),
			map[string]client{foobarEtcd: readers{clusterReaders, kib}, rawClient: rawCalls{m, 1, kib, false}, ownServer: readers{clusterReaders, kib}}, 20},
		{fmt.Sprintf("POST 1 KiB, %d writers", clusterWriters), write(clusterWriters), 2.5},
		{"POST 1 KiB, 1 writer", write(1), 1 / 1.15},
	}
}

// clusterTable measures each load in turns of all servers.
func (b *benchmark) clusterTable(delay time.Duration, m *members, all []*server) error {
	what := "without a delay"
	if delay > 0 {
		what = fmt.Sprintf("with a delay of %s one way between machines", delay)
	}
	var rows [][]string
	for _, r := range clusterRows(m) {
		var servers []*server
		for _, s := range all {
			if r.clients[s.name] != nil {
				servers = append(servers, s)
			}
		}
		samples, err := interleave(servers, func(s *server) client { return r.clients[s.name] }, b.rounds, b.duration)
		if err != nil {
			return fmt.Errorf("%s: %w", r.title, err)
		}
		for i, s := range servers {
			rows = append(rows, []string{r.title + ", " + s.name, summarize(figures(samples[i], rate)).format("%.0f"),
				summarizeRatio(samples[0], samples[i], rate).format("%.2f")})
		}
		b.report.addTarget(target{fmt.Sprintf("%s, %s: rate, foobar-etcd's to that of clientv3", r.title, what), r.least,
			summarizeRatio(samples[0], samples[1], rate), othersOf(samples[:2]...)})
	}
	b.report.paragraph("Measured %s:", what)
	b.report.table([]string{"", "requests/s", "foobar-etcd's rate to it"}, rows)
	b.report.print("\n")
	return nil
}

// startFoobarEtcd starts the service with its state in etcd.
func (w *workdir) startFoobarEtcd(m *members) (*server, error) {
	for _, name := range []string{"cert", "key", "token"} {
		text, err := os.ReadFile(w.credential(name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(m.file(name), text, 0o600); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(filepath.Join(w.repo, "src/config/conf.yaml"))
	if err != nil {
		return nil, err
	}
	text = bytes.Replace(text, []byte("per_address: 2500"), []byte("per_address: 0"), 1)
	text = bytes.Replace(text, []byte("  state: 16MiB"), []byte("  state: 1MiB"), 1)
	text = bytes.Replace(text, []byte("endpoints: []"), fmt.Appendf(nil, "endpoints: [%s]", strings.Join(m.endpoints, ", ")), 1)
	if err := os.Mkdir(m.file(ownServer), 0o700); err != nil {
		return nil, err
	}
	config := m.file("conf.yaml")
	if err := os.WriteFile(config, text, 0o644); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{name: foobarEtcd, address: address, workdir: w}
	command, err := serviceCommand(w, s, w.bin(foobarEtcd), config, filepath.Join(m.dir, ownServer))
	if err != nil {
		return nil, err
	}
	for i, arg := range command { // the credentials of etcd are beside the others
		if dir, name := filepath.Split(arg); filepath.Clean(dir) == filepath.Dir(w.credential("cert")) {
			command[i] = m.file(name)
		}
	}
	p, err := w.start(foobarEtcd, command)
	if err != nil {
		return nil, err
	}
	s.pids, s.check, s.stop = p.pids, p.check, p.stop
	s.ready = func() error { return s.put(kib) } // needs a quorum
	if err := s.waitReady(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// readers send GETs over connections of their own, the next one when the last one is
// answered.
type readers struct{ n, size int }

func (r readers) run(s *server, d time.Duration) (float64, float64, error) {
	pool, err := load.Open(s.target(), r.n, s.path(r.size))
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	get := load.Get(s.path(r.size))
	result, err := pool.Run(d, func(int) []byte { return get })
	if err != nil {
		return 0, 0, err
	}
	return result.Rate(), float64(result.Requests()), nil
}
