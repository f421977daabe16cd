package cluster

import (
	"context"
	"math"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestFastestMemberIsCalled has two members, of which the first answers later, and stops
// the other one in the end.
func TestFastestMemberIsCalled(t *testing.T) {
	dir := makeCredentials(t)
	slow, fast := startMember(t, dir), startMember(t, dir)
	slow.latency.Store(int64(20 * time.Millisecond))
	f := newFixtureWith(t, dir, slow, fast)
	f.stopMonitor()
	e := f.Store.(*Store).session.Load().endpoints
	first := func(m *member) func() bool {
		return func() bool { return e.order()[0].client.Endpoints()[0] == "https://"+m.address }
	}
	waitFor(t, first(fast))
	f.expectNone(t)          // after the last read of the monitor
	waitFor(t, func() bool { // on a busy machine, a read may take longer than hedgeDelay
		before, _ := slow.calls()
		for range 5 {
			f.expectNone(t)
		}
		after, _ := slow.calls()
		return after == before
	})
	waitFor(t, func() bool { // until a probe, if a call to the slow member was given up
		e.mu.Lock()
		defer e.mu.Unlock()
		return !math.IsInf(e.all[1].latency, 1)
	})
	fast.server.Stop()
	f.expectNone(t)
	if !first(slow)() {
		t.Error("a member that has stopped is called first")
	}
}

// TestMemberThatDoesNotAnswer has a call wait for one of two members.
func TestMemberThatDoesNotAnswer(t *testing.T) {
	e := &endpoints{all: []*endpoint{{client: &clientv3.Client{}}, {client: &clientv3.Client{}}}}
	silent := e.all[0]
	_, err := hedged(t.Context(), e, func(ctx context.Context, c *clientv3.Client) (int, error) {
		if c == silent.client {
			<-ctx.Done()
		}
		return 0, ctx.Err()
	})
	if err != nil || e.order()[1] != silent {
		t.Errorf("error %v; the order is %v, want %v last", err, e.order(), silent)
	}
}

func TestOrderOfEndpoints(t *testing.T) {
	unknown := math.Inf(1)
	a, b, c := &endpoint{nil, unknown}, &endpoint{nil, unknown}, &endpoint{nil, unknown}
	e := &endpoints{all: []*endpoint{a, b, c}}
	expect := func(what string, want ...*endpoint) {
		t.Helper()
		for i, p := range e.order() {
			if p != want[i] {
				t.Errorf("%s: place %d has the wrong member", what, i)
			}
		}
	}
	e.recordLatency(a, 10*time.Millisecond)
	e.recordLatency(b, 30*time.Millisecond)
	e.recordLatency(c, 9*time.Millisecond)
	expect("a little faster than the first one", a, c, b)
	e.recordFailure(a)
	expect("the first one has failed", c, b, a)
	e.recordLatency(a, 7*time.Millisecond)
	expect("it answers again", a, c, b)
	for range 20 {
		e.recordLatency(b, time.Millisecond)
	}
	expect("one has become faster", b, a, c)
}
