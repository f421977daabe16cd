package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// returningClients is how many clients have a session when the server is restarted.
const returningClients = 50

// resumption measures how many clients resume their session after a restart, and what
// the server saves by it.
func (b *benchmark) resumption() error {
	names := []string{nginx, h2o, haproxy, caddy, ownServer}
	servers, err := b.startRestartable(names, false)
	if err != nil {
		return err
	}
	defer stopServers(servers)
	withFile, err := b.startRestartable(names[:len(names)-1], true)
	if err != nil {
		return err
	}
	defer stopServers(withFile)
	costs := map[bool][][]sample{}
	for _, resume := range []bool{false, true} {
		// Each of the servers has this key exchange.
		conns := shortConns{tls.CurveP256, resume}
		if costs[resume], err = interleave(servers, func(*server) client { return conns }, b.rounds, b.duration); err != nil {
			return err
		}
	}
	shares, err := resumedShares(servers)
	if err != nil {
		return err
	}
	sharesWithFile, err := resumedShares(withFile)
	if err != nil {
		return err
	}
	rows := make([][]string, len(servers))
	for i, s := range servers {
		rows[i] = []string{s.name, summarize(figures(costs[false][i], cost)).format("%.0f"),
			summarize(figures(costs[true][i], cost)).format("%.0f"), percent(shares[i]), "–"}
		if i < len(sharesWithFile) {
			rows[i][4] = percent(sharesWithFile[i])
		}
	}
	own := len(servers) - 1
	b.report.title("Sessions after a restart")
	b.report.paragraph("What %d clients that have a session do after the server was restarted: they resume the session if the new process has the keys of the old one's session tickets, and make a full handshake otherwise. "+
		"The first column of shares has the configurations above. In the second, nginx, h2o and haproxy read the keys from a file, which an administrator has to make, distribute and rotate, and caddy keeps them in its storage. "+
		"Foobar derives a key for each day from its certificate and private key, and accepts the tickets of the day before. "+
		"A connection is a handshake with P-256, one GET of 1 KiB and the end.", returningClients)
	b.report.table([]string{"", "µs of CPU per connection, full", "resumed", "sessions resumed after a restart", "the same, with keys in a file"}, rows)
	b.report.addTarget(target{"Sessions that foobar's clients resume after a restart: share", 1, shares[own], 0})
	b.report.addTarget(target{"Resumed connection: CPU, that of nginx to foobar's", 1,
		summarizeRatio(costs[true][0], costs[true][own], cost), 0})
	return nil
}

func percent(share summary) string { return fmt.Sprintf("%.0f %%", 100*share.median) }

// startRestartable starts peers that serve 1 KiB, with the keys of their session tickets
// in a file or not.
func (b *benchmark) startRestartable(names []string, ticketKeys bool) ([]*server, error) {
	b.workdir.ticketKeys = ticketKeys
	defer func() { b.workdir.ticketKeys = false }()
	servers, err := b.workdir.startServers(names...)
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		if err := s.serve(kib); err != nil {
			stopServers(servers)
			return nil, err
		}
	}
	return servers, nil
}

// resumedShares restarts each server several times, and returns which share of its
// clients resumed their session.
func resumedShares(servers []*server) ([]summary, error) {
	var all []summary
	for _, s := range servers {
		var shares []float64
		for range minRounds {
			n, err := resumedAfterRestart(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			shares = append(shares, float64(n)/returningClients)
		}
		all = append(all, summarize(shares))
	}
	return all, nil
}

// resumedAfterRestart returns how many of returningClients resumed their session.
func resumedAfterRestart(s *server) (int, error) {
	clients := make([]tls.ClientSessionCache, returningClients)
	for i := range clients {
		clients[i] = tls.NewLRUClientSessionCache(1)
	}
	if _, err := countResumed(s, clients); err != nil {
		return 0, err
	}
	if err := s.restart(); err != nil {
		return 0, err
	}
	return countResumed(s, clients)
}

// countResumed has each client make a connection for one GET, and returns how many of
// them resumed the session of their cache.
func countResumed(s *server, clients []tls.ClientSessionCache) (n int, err error) {
	for _, cache := range clients {
		target := s.target()
		target.TLS.ClientSessionCache = cache
		state, err := oneRequest(target, s.path(kib))
		if err != nil {
			return 0, err
		}
		if state.DidResume {
			n++
		}
	}
	return n, nil
}

// ticketKeys returns a file with keys of session tickets in the form that a peer reads.
func ticketKeys(peer string) []byte {
	random := make([]byte, 112)
	rand.Read(random)
	key := random[:80] // a name, and keys of AES-256 and HMAC-SHA256
	switch peer {
	case haproxy: // takes three or more, and encrypts with the last but one
		return bytes.Repeat([]byte(base64.StdEncoding.EncodeToString(key)+"\n"), 3)
	case h2o:
		const year2100 = 4102444800
		return fmt.Appendf(nil, "- name: %x\n  cipher: AES-256-CBC\n  hash: SHA256\n  key: %x\n  not_before: 0\n  not_after: %d\n",
			random[:16], random[16:], year2100)
	}
	return key
}

// shareCaddyKeys returns the command that starts caddy with the keys of session tickets
// in its storage. A Caddyfile has no option for that, so the configuration becomes JSON.
func shareCaddyKeys(w *workdir, caddyfile string) ([]string, error) {
	adapt := w.inRoot(newest, "/usr/bin/caddy", "adapt", "--config", caddyfile, "--adapter", "caddyfile")
	text, err := exec.Command(adapt[0], adapt[1:]...).Output()
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", caddyfile, err)
	}
	var config map[string]json.RawMessage
	var apps map[string]map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(text, &config), json.Unmarshal(config["apps"], &apps)); err != nil {
		return nil, err
	}
	apps["tls"]["session_tickets"] = json.RawMessage(`{"key_source": {"provider": "distributed"}}`)
	if config["apps"], err = json.Marshal(apps); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(config); err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(caddyfile), "caddy.json")
	return w.inRoot(newest, "/usr/bin/caddy", "run", "--config", path), os.WriteFile(path, text, 0o644)
}
