package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"foobar/bench/load"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// memberCount is the number of etcd's members: one can fail.
const memberCount = 3

// members are the members of an etcd cluster on the loopback address, with a relay in
// front of each address if there is a delay.
type members struct {
	dir       string
	endpoints []string // for clients
	processes []*process
	relays    []*relay
}

// startMembers starts the members, with their data and certificates in dir, as
// docs/cluster.md describes it.
func (w *workdir) startMembers(dir string, delay time.Duration) (_ *members, err error) {
	m := &members{dir: dir}
	defer func() {
		if err != nil {
			m.stop()
		}
	}()
	if err := writeAuthority(dir); err != nil {
		return nil, err
	}
	var clientAddresses, peerAddresses, peers, cluster []string
	for i := range memberCount {
		for _, addresses := range []struct{ own, seen *[]string }{{&clientAddresses, &m.endpoints}, {&peerAddresses, &peers}} {
			own, seen, err := m.address(delay)
			if err != nil {
				return nil, err
			}
			*addresses.own, *addresses.seen = append(*addresses.own, own), append(*addresses.seen, seen)
		}
		cluster = append(cluster, fmt.Sprintf("m%d=https://%s", i, peers[i]))
	}
	for i := range memberCount {
		args := w.inRoot(newest, "/usr/bin/etcd", "--name", fmt.Sprint("m", i), "--data-dir", filepath.Join(dir, fmt.Sprint("m", i)),
			"--listen-client-urls", "https://"+clientAddresses[i], "--advertise-client-urls", "https://"+m.endpoints[i],
			"--listen-peer-urls", "https://"+peerAddresses[i], "--initial-advertise-peer-urls", "https://"+peers[i],
			"--initial-cluster", strings.Join(cluster, ","), "--log-level", "error", "--snapshot-count", "1000",
			"--client-cert-auth", "--trusted-ca-file", m.file(authorityFile), "--cert-file", m.file(memberCert), "--key-file", m.file(memberKey),
			"--peer-client-cert-auth", "--peer-trusted-ca-file", m.file(authorityFile), "--peer-cert-file", m.file(memberCert), "--peer-key-file", m.file(memberKey))
		p, err := w.start(etcd, args)
		if err != nil {
			return nil, err
		}
		m.processes = append(m.processes, p)
	}
	return m, m.waitReady()
}

func (m *members) file(name string) string { return filepath.Join(m.dir, name) }

// address returns an address to listen at, and the address at which others reach it.
func (m *members) address(delay time.Duration) (own, seen string, err error) {
	if own, err = freeAddress(); err != nil || delay == 0 {
		return own, own, err
	}
	r, err := startRelay(own, delay)
	if err != nil {
		return "", "", err
	}
	m.relays = append(m.relays, r)
	return own, r.address(), nil
}

func (m *members) stop() {
	for _, p := range m.processes {
		p.stop()
	}
	for _, r := range m.relays {
		r.close()
	}
}

func (m *members) check() error {
	for _, p := range m.processes {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *members) pids() []int {
	var all []int
	for _, p := range m.processes {
		all = append(all, p.pids()...)
	}
	return all
}

// client returns a client of the members.
func (m *members) client() (*clientv3.Client, error) {
	pair, err := tls.LoadX509KeyPair(m.file(memberCert), m.file(memberKey))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(m.file(authorityFile))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(text)
	var endpoints []string
	for _, address := range m.endpoints {
		endpoints = append(endpoints, "https://"+address)
	}
	return clientv3.New(clientv3.Config{
		Endpoints: endpoints, Logger: zap.NewNop(),
		TLS: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: authorities, Certificates: []tls.Certificate{pair}},
	})
}

// waitReady waits until a quorum answers.
func (m *members) waitReady() error {
	client, err := m.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		try, cancelTry := context.WithTimeout(ctx, time.Second)
		_, err := client.Get(try, rawKey)
		cancelTry()
		if err == nil {
			return nil
		}
		if err := errors.Join(m.check(), ctx.Err()); err != nil {
			return fmt.Errorf("etcd is not ready: %w", err)
		}
	}
}

// rawKey is the key that rawCalls reads and writes.
const rawKey = "/bench/raw"

// rawCalls calls etcd by its own client, one call for each request: linearizable reads
// of one key, or transactions that put it.
type rawCalls struct {
	members *members
	n, size int
	write   bool
}

func (r rawCalls) run(_ *server, d time.Duration) (float64, float64, error) {
	client, err := r.members.client()
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	ctx := context.Background()
	if _, err := client.Put(ctx, rawKey, string(load.Body(r.size))); err != nil { // connects, too
		return 0, 0, err
	}
	return closedLoop(r.n, d, func(int) func() error {
		value := string(load.Body(r.size))
		return func() error { return r.call(ctx, client, value) }
	})
}

func (r rawCalls) call(ctx context.Context, client *clientv3.Client, value string) error {
	if r.write {
		_, err := client.Txn(ctx).Then(clientv3.OpPut(rawKey, value)).Commit()
		return err
	}
	_, err := client.Get(ctx, rawKey)
	return err
}
