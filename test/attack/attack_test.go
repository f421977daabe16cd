//go:build attack

package attack

import (
	"fmt"
	"testing"
	"time"
)

const (
	// maxWait is how long a client that behaves may wait during an attack. A wait
	// for anything that the attacker holds is 10 s or longer, as timeouts.header
	// is the shortest timeout. The rest is for a machine that is busy: the
	// attacker shares its processors with the service and the client, and
	// docs/attacks.md has the times without that.
	maxWait = 6 * time.Second
	// floodTime is how long a flood lasts.
	floodTime = time.Second
	// servedTimeout bounds the time until a client that behaves has servedRequests
	// responses while the attack lasts.
	servedTimeout  = 30 * time.Second
	servedRequests = 10
	// countTimeout bounds the time until the service has counted what the
	// attacker has sent.
	countTimeout = 30 * time.Second
)

// TestAttacks makes the large attacks one after the other. The tests of deadlines, which
// wait most of the time, run beside them.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) { withstand(t, a) })
	}
}

func withstand(t *testing.T, a Attack) {
	if a.Connections <= 200 && !a.Repeat {
		t.Parallel() // it needs little of the processors
	}
	s := startService(t, a.Config())
	c := StartClient(s.Target, a.Protocol)
	r := a.Start(s.Target)
	r.WaitOpen()
	if a.Limit > 0 {
		wantLimited(t, s, a)
	} else {
		time.Sleep(floodTime) // the attack is to last that long
	}
	if err := c.WaitServed(servedRequests, servedTimeout); err != nil {
		t.Error(err)
	}
	if a.Needs == Writer {
		wantWrites(t, r)
	}
	result := r.Stop()
	client := c.Stop()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if result.Err != nil {
		t.Errorf("another client's writes: %v", result.Err)
	}
	if len(client.Errors) > 0 {
		t.Errorf("a client that behaves: %q", client.Errors)
	}
	if client.Busy > 0 {
		t.Errorf("%d of %d requests of a client that behaves have got status 503", client.Busy, len(client.Waits))
	}
	longest := client.Quantile(1)
	if longest > maxWait {
		t.Errorf("a client that behaves has waited %v", longest)
	}
	usage, err := s.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if usage.Peak>>20 > a.Memory {
		t.Errorf("the peak of memory is %d MiB, more than %d", usage.Peak>>20, a.Memory)
	}
	t.Logf("%d connections, %d KiB sent: peak %d MiB, %v of CPU, %d clients waited %v at most", result.Connections,
		result.Sent>>10, usage.Peak>>20, usage.CPU, len(client.Waits), longest.Round(time.Millisecond))
}

// versions is how many versions of the state a test writes. All of them need more
// memory than an attack may take that the service answers by copies.
const versions = 20

// wantWrites waits until the state was replaced that often.
func wantWrites(t *testing.T, r *Running) {
	t.Helper()
	if err := Poll(2*time.Minute, func() error {
		if n := r.writes.Load(); n < versions {
			return fmt.Errorf("%d writes, want %d", n, versions)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// wantLimited waits until the service has counted what is beyond the limit, under
// one of the reasons. Which one depends on the time that the attacker takes, the
// sum does not.
func wantLimited(t *testing.T, s *Service, a Attack) {
	t.Helper()
	const refused = "foobar_http_requests_refused_total"
	beyond := a.Connections - a.Limit
	if err := Poll(countTimeout, func() error {
		if n := metric(t, s, refused, "reason", a.Reasons...); n < beyond {
			return fmt.Errorf("the metrics count %d refusals under %q, want %d", n, a.Reasons, beyond)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
