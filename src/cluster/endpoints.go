package cluster

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"foobar/src/config"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// probeInterval is the time between two probes of each member.
	probeInterval = time.Second
	// latencyWeight is the weight of the last probe in the average latency of a member.
	latencyWeight = 1. / 8
	// tolerance is how many times as slow as another member the first one may be before
	// the other one takes its place.
	tolerance = 5. / 4
)

// endpoints are the clients of etcd's members. A call goes to the member that answers
// fastest, which on equal links is the leader: the others have to ask the leader.
type endpoints struct {
	mu  sync.Mutex
	all []*endpoint // guarded by mu, in the order in which they are called
}

// An endpoint is a client of one member.
type endpoint struct {
	client *clientv3.Client
	// latency is the average of the probes in seconds, and infinite before the first
	// answer, and from a failure to the next one. It is guarded by the mu of endpoints.
	latency float64
}

// newEndpoints returns clients that connect when they are used.
func newEndpoints(c config.Cluster, creds tlsCredentials) (*endpoints, error) {
	e := &endpoints{}
	for _, address := range c.Endpoints.List() {
		client, err := newClient(address, creds.config(c.ServerName))
		if err != nil {
			e.close()
			return nil, err
		}
		e.all = append(e.all, &endpoint{client, math.Inf(1)})
	}
	return e, nil
}

func (e *endpoints) close() {
	for _, p := range e.all {
		p.client.Close()
	}
}

// order returns the endpoints in the order in which to call them.
func (e *endpoints) order() []*endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// recordFailure records that a member has not answered. The member is called last until it
// has answered a probe.
func (e *endpoints) recordFailure(p *endpoint) { e.record(p, math.Inf(1)) }

// recordLatency records that a member has answered a probe after d.
func (e *endpoints) recordLatency(p *endpoint, d time.Duration) { e.record(p, d.Seconds()) }

// record adds a latency in seconds to the average of a member, and sorts the endpoints.
func (e *endpoints) record(p *endpoint, latency float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if math.IsInf(p.latency, 1) {
		p.latency = latency
	} else {
		p.latency += latencyWeight * (latency - p.latency)
	}
	first := e.all[0]
	rank := func(p *endpoint) float64 {
		if p == first {
			return p.latency / tolerance
		}
		return p.latency
	}
	slices.SortStableFunc(e.all, func(a, b *endpoint) int { return cmp.Compare(rank(a), rank(b)) })
}

// probe measures the latency of each member every probeInterval, or less often while a
// member takes longer to answer, until ctx ends. A single member needs no probe.
func (e *endpoints) probe(ctx context.Context, call func(context.Context, *clientv3.Client) error) {
	all := e.order()
	if len(all) == 1 {
		return
	}
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		var probes sync.WaitGroup
		for _, p := range all {
			probes.Go(func() {
				start := time.Now()
				if err := call(ctx, p.client); err != nil && rejection(err) == nil {
					e.recordFailure(p)
					return
				}
				e.recordLatency(p, time.Since(start))
			})
		}
		probes.Wait()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// call makes a call to a member, and records a failure. If hedged cancels the call because
// another member has answered first, that is a failure, too, unless the call is so new that
// no member would have answered it.
func call[T any](ctx context.Context, e *endpoints, p *endpoint, f func(context.Context, *clientv3.Client) (T, error)) (T, error) {
	start := time.Now()
	v, err := f(ctx, p.client)
	if err == nil || rejection(err) != nil || errors.Is(err, context.Canceled) && time.Since(start) < hedgeDelay/2 {
		return v, err
	}
	e.recordFailure(p)
	return v, err
}
