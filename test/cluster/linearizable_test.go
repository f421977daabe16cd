//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// duration is how long clients send requests under each fault. FOOBAR_DURATION sets
// another.
func duration(t *testing.T) time.Duration {
	if text := os.Getenv("FOOBAR_DURATION"); text != "" {
		return must[time.Duration](t)(time.ParseDuration(text))
	}
	return 2 * time.Second
}

// A fault is what happens to the cluster while clients send requests. It begins after
// a fifth of the time, and ends after three fifths, or when the test ends.
type fault struct {
	name  string
	begin func(t *testing.T, b *bed)
	end   func(t *testing.T, b *bed)
	// allowed are statuses of 500 and higher that requests may have. 503 is allowed
	// where it takes longer than cluster.timeout until a quorum answers again.
	allowed []int
	short   bool // also with -short
}

// A bed is what the faults have to do with.
type bed struct {
	*members
	services []*service
	leader   *member
}

func faults() []fault {
	block := func(t *testing.T, b *bed, rule ...string) {
		b.leader.inside(t, "nft", "add table inet test; add chain inet test in { type filter hook input priority 0; }; add chain inet test out { type filter hook output priority 0; }")
		for _, r := range rule {
			b.leader.inside(t, "nft", "add rule inet test "+r)
		}
	}
	unblock := func(t *testing.T, b *bed) { b.leader.inside(t, "nft", "delete table inet test") }
	restart := func(t *testing.T, b *bed) {
		for _, m := range b.all {
			if m.process == nil {
				m.start(t, b.bin)
			}
		}
	}
	return []fault{
		{"no fault", func(*testing.T, *bed) {}, nil, nil, true},
		{"leader killed", func(_ *testing.T, b *bed) { b.leader.kill() }, restart, nil, true},
		{"rolling restart", rollingRestart, nil, nil, false},
		{"link down", func(t *testing.T, b *bed) { b.leader.inside(t, "ip", "link", "set", "eth0", "down") },
			func(t *testing.T, b *bed) { b.leader.inside(t, "ip", "link", "set", "eth0", "up") }, []int{503, 504}, false},
		{"packets dropped", func(t *testing.T, b *bed) { block(t, b, "in drop", "out drop") }, unblock, []int{503, 504}, false},
		{"cut off from its peers", func(t *testing.T, b *bed) {
			block(t, b, "in ip saddr 10.77.0.11-10.77.0.13 drop", "out ip daddr 10.77.0.11-10.77.0.13 drop")
		}, unblock, []int{503, 504}, false},
		{"leader stopped", func(_ *testing.T, b *bed) { b.leader.signal(syscall.SIGSTOP) },
			func(_ *testing.T, b *bed) { b.leader.signal(syscall.SIGCONT) }, []int{503, 504}, false},
		{"two of three killed", func(_ *testing.T, b *bed) { b.all[0].kill(); b.all[1].kill() }, restart, []int{503, 504}, true},
		{"history compacted", compactAndKill, restart, []int{504}, true},
		{"no space", func(t *testing.T, b *bed) { alarm(t, b, pb.AlarmRequest_ACTIVATE) },
			func(t *testing.T, b *bed) { alarm(t, b, pb.AlarmRequest_DEACTIVATE) }, []int{507}, false},
		{"clocks that jump", clocksJump, nil, nil, true},
		{"service killed", killService, nil, []int{0}, true},
	}
}

func rollingRestart(t *testing.T, b *bed) {
	for _, m := range b.all {
		m.stop()
		m.start(t, b.bin)
		b.awaitLeader(t)
	}
}

// compactAndKill compacts each revision at once, so that no outcome can be found out.
func compactAndKill(t *testing.T, b *bed) {
	client := b.client(t, b.endpoints...)
	stopped := time.After(duration(t) / 3)
	go func() {
		for {
			select {
			case <-stopped:
				return
			case <-time.After(5 * time.Millisecond):
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if resp, err := client.Get(ctx, "x"); err == nil {
				client.Compact(ctx, resp.Header.Revision)
			}
			cancel()
		}
	}()
	b.leader.kill()
}

func alarm(t *testing.T, b *bed, action pb.AlarmRequest_AlarmAction) {
	client := b.client(t, b.endpoints...)
	_, err := pb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(),
		&pb.AlarmRequest{Action: action, Alarm: pb.AlarmType_NOSPACE, MemberID: 1})
	if err != nil {
		t.Error(err)
	}
}

// killService kills services between a transaction and its answer, by chance.
func killService(_ *testing.T, b *bed) {
	for i := range 6 {
		s := b.services[i%len(b.services)]
		s.kill()
		s.start()
	}
}

// TestLinearizable lets faults happen while clients send requests. Requests without
// an answer, and those with status 504, may have happened or not; those with status
// 503 and 507 must not have happened.
func TestLinearizable(t *testing.T) {
	c := startMembers(t)
	c.pki.issue(t, "foobar", time.Now().Add(time.Hour))
	b := &bed{members: c}
	program := build(t)
	for range 3 {
		b.services = append(b.services, newService(t, c, program, ""))
	}
	for _, f := range faults() {
		if !testing.Short() || f.short {
			t.Run(f.name, func(t *testing.T) { b.play(t, f) })
		}
	}
}

// play runs one fault, and checks the history.
func (b *bed) play(t *testing.T, f fault) {
	b.leader = b.awaitLeader(t)
	initial := b.currentState(t)
	d := duration(t)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	recorded := make(chan *recorder, 1)
	go func() { recorded <- record(ctx, b.services, f.name) }()
	<-time.After(d / 5)
	f.begin(t, b)
	if f.end != nil {
		<-time.After(2 * d / 5)
		f.end(t, b)
	}
	r := <-recorded
	r.check(t, initial)
	r.checkStatuses(t, f)
	b.awaitLeader(t)
	for _, s := range b.services {
		s.awaitStatus(200)
	}
}

// currentState returns the state, empty before the first write.
func (b *bed) currentState(t *testing.T) (text string) {
	t.Helper()
	eventually(t, "the state", func() error {
		resp, body, err := b.services[0].do("GET", "/", "", nil)
		switch {
		case err == nil && resp.StatusCode == 200:
			text = body
		case err == nil && resp.StatusCode != 404:
			err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
		}
		return err
	})
	return text
}

// limit is cluster.timeout with the time that a request may take besides.
const limit = 5*time.Second + 100*time.Millisecond

// checkStatuses requires that no request has failed in a way that the fault does not
// explain, or has had no answer in time. With -short the machine may be busy, so that
// each fault may look like the loss of the quorum.
func (r *recorder) checkStatuses(t *testing.T, f fault) {
	t.Helper()
	if testing.Short() {
		f.allowed = append(f.allowed, 503, 504)
	}
	for status, n := range r.statuses {
		if (status == 0 || status >= 500) && !slices.Contains(f.allowed, status) {
			t.Errorf("%d requests have status %d", n, status)
		}
	}
	if r.slowest > limit && !testing.Short() {
		t.Errorf("the slowest request took %v, longer than %v", r.slowest, limit)
	}
}
