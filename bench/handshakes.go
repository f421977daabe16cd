package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"foobar/bench/load"
)

// handshakes measures connections that each send one GET.
func (b *bench) handshakes() error {
	servers, err := b.place.start(baseline, nginx, foobar)
	if err != nil {
		return err
	}
	defer stop(servers)
	for _, s := range servers {
		if err := s.serve(kib); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, curve := range []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256} {
		for _, resume := range []bool{false, true} {
			able := servers
			if curve == tls.X25519MLKEM768 {
				able = withCurve(servers, curve)
			}
			samples, err := interleave(able, visitors{curve, resume}, b.rounds, b.round/2)
			if err != nil {
				return err
			}
			for i, s := range able {
				costs := spreadOf(each(samples[i], cost))
				rows = append(rows, []string{fmt.Sprintf("%s, %s, %s", curve, kind(resume), s.name), fmt.Sprintf("%.0f", 1e6/costs.median),
					costs.format("%.0f"), fmt.Sprintf("%.0f", spreadOf(each(samples[i], rate)).median)})
			}
		}
	}
	b.report.section("Handshakes")
	b.report.paragraph("A connection is a handshake, one GET of 1 KiB and the end. " +
		"A full handshake costs the client more than the server, as to verify a signature is dearer than to make one, and one core of clients does not fill the server's: " +
		"so the first column is what the server's core would do if it were full, from the time that a connection takes there. " +
		"A peer is left out where its TLS library has not the key exchange.")
	b.report.table([]string{"", "connections/s of a full core", "µs of CPU per connection", "connections/s seen"}, rows)
	return nil
}

func kind(resume bool) string {
	if resume {
		return "resumed"
	}
	return "full"
}

// withCurve returns the servers that can use a key exchange.
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

// visitors are clients that come for one request.
type visitors struct {
	curve  tls.CurveID
	resume bool
}

// visiting is how many of them there are at a time.
const visiting = 8

func (v visitors) run(s *server, d time.Duration) (float64, float64, error) {
	target := s.target()
	target.TLS.CurvePreferences = []tls.CurveID{v.curve}
	if v.resume {
		// A client of crypto/tls uses a ticket once, and would make a full
		// handshake whenever two visitors share one.
		target.TLS.ClientSessionCache = &ticket{}
		if _, err := visit(target, s.path(kib)); err != nil {
			return 0, 0, err
		}
	}
	counts := make([]int, visiting)
	errs := make([]error, visiting)
	var group sync.WaitGroup
	start := time.Now()
	for i := range visiting {
		group.Go(func() {
			for time.Since(start) < d && errs[i] == nil {
				var state tls.ConnectionState
				state, errs[i] = visit(target, s.path(kib))
				if errs[i] == nil && (state.DidResume != v.resume || state.CurveID != v.curve) {
					errs[i] = fmt.Errorf("%s: %s with %s", s.name, kind(state.DidResume), state.CurveID)
				}
				counts[i]++
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds(), float64(total), errors.Join(errs...)
}

// visit makes a connection for one GET.
func visit(target load.Target, path string) (tls.ConnectionState, error) {
	c, err := target.Connect()
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	// The ticket comes before the answer.
	_, err = c.Exchange(load.Get(path))
	return c.TLS.ConnectionState(), err
}

// A ticket is a cache of one session that can be resumed many times.
type ticket struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
}

// Get implements tls.ClientSessionCache.
func (t *ticket) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session, t.session != nil
}

// Put implements tls.ClientSessionCache.
func (t *ticket) Put(_ string, s *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s != nil {
		t.session = s
	}
}
