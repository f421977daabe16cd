package main

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"foobar/bench/load"
)

// handshakes measures connections that each send one GET.
func (b *benchmark) handshakes() error {
	servers, err := b.workdir.startServers(baseline, nginx, h2o, ownServer)
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
	for _, curve := range []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256} {
		for _, resume := range []bool{false, true} {
			able := withCurve(servers, curve)
			samples, err := interleave(able, func(*server) client { return shortConns{curve, resume} }, b.rounds, b.duration)
			if err != nil {
				return err
			}
			for i, s := range able {
				costs := summarize(figures(samples[i], cost))
				rows = append(rows, []string{fmt.Sprintf("%s, %s, %s", curve, kind(resume), s.name), costs.format("%.0f"),
					fmt.Sprintf("%.0f", 1e6/costs.median), fmt.Sprintf("%.0f", summarize(figures(samples[i], rate)).median)})
			}
		}
	}
	b.report.title("Handshakes")
	b.report.paragraph("A connection is a handshake, one GET of 1 KiB and the end. " +
		"A full handshake costs the client more CPU than the server, because verifying a signature costs more than making one. " +
		"One core of clients therefore does not fill the server's core, and the second column says what that core could do: it follows from the first. " +
		"A peer is left out where its TLS library lacks the key exchange.")
	b.report.table([]string{"", "µs of CPU per connection", "connections/s of a full core", "connections/s seen"}, rows)
	return nil
}

func kind(resume bool) string {
	if resume {
		return "resumed"
	}
	return "full"
}

// withCurve returns the servers that support a key exchange.
func withCurve(servers []*server, curve tls.CurveID) []*server {
	var able []*server
	for _, s := range servers {
		target := s.target()
		target.TLS.CurvePreferences = []tls.CurveID{curve}
		if c, err := target.Connect(); err == nil {
			c.Close()
			able = append(able, s)
		}
	}
	return able
}

// shortConns are clients that make a connection for each request.
type shortConns struct {
	curve  tls.CurveID
	resume bool
}

// shortConnClients is how many of these clients there are.
const shortConnClients = 8

func (h shortConns) run(s *server, d time.Duration) (float64, float64, error) {
	target := s.target()
	target.TLS.CurvePreferences = []tls.CurveID{h.curve}
	if h.resume {
		// A client of crypto/tls uses a ticket once, and would make a full
		// handshake whenever two clients share one.
		target.TLS.ClientSessionCache = &reusedTicket{}
		if _, err := oneRequest(target, s.path(kib)); err != nil {
			return 0, 0, err
		}
	}
	return closedLoop(shortConnClients, d, func(int) func() error {
		return func() error {
			state, err := oneRequest(target, s.path(kib))
			if err == nil && (state.DidResume != h.resume || state.CurveID != h.curve) {
				err = fmt.Errorf("%s: %s with %s", s.name, kind(state.DidResume), state.CurveID)
			}
			return err
		}
	})
}

// oneRequest makes a connection for one GET.
func oneRequest(target load.Target, path string) (tls.ConnectionState, error) {
	c, err := target.Connect()
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	// The ticket arrives before the response.
	_, err = c.Exchange(load.Get(path))
	return c.TLS.ConnectionState(), err
}

// A reusedTicket is a cache of one session that is resumed many times.
type reusedTicket struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
}

// Get implements tls.ClientSessionCache.
func (t *reusedTicket) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session, t.session != nil
}

// Put implements tls.ClientSessionCache.
func (t *reusedTicket) Put(_ string, s *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s != nil {
		t.session = s
	}
}
