//go:build vm

package vm

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/test/attack"
)

// unitAttacks are the attacks that take the most memory, of the process and of
// the kernel for its connections.
var unitAttacks = []string{"slow downloads", "closed window"}

// fromOneAddress is how many connections are made at most. The machine sees all of
// them come from one address, which may have a quarter of limits.connections.
const fromOneAddress = 2200

// attackTime is how long an attack lasts after its connections are open.
const attackTime = 10 * time.Second

// TestAttacks attacks the unit, whose MemoryMax= counts the memory of the kernel
// too. It proves that the kernel ends nothing that one address can bring about, and
// that a client that behaves is served: about 130 MiB, as qemu reads what the service
// sends, and the emulated processor makes few handshakes in a second. What six
// addresses can bring about is measured on the host (test/attack, docs/attacks.md).
func TestAttacks(t *testing.T) {
	t.Parallel()
	m := NewMachine(t, *image, Durable)
	m.Memory = 1280 // more than MemoryMax= allows the service
	g := startGuest(t, m)
	g.ownProgram.client.Timeout = time.Minute
	largest := []byte(strings.Repeat("x", 16<<20))
	write := func() error { return g.ownProgram.post(context.Background(), largest) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	target := attack.Target{Address: m.Address(httpsPort), Path: "/", Token: g.ownProgram.token, Write: write}
	for _, a := range attack.Attacks() {
		if slices.Contains(unitAttacks, a.Name) {
			a.Connections = min(a.Connections, fromOneAddress)
			t.Run(a.Name, func(t *testing.T) { g.withstand(t, a, target) })
		}
	}
}

// withstand attacks the service. A client that behaves gets all its responses, and
// the kernel ends nothing.
func (g *guest) withstand(t *testing.T, a attack.Attack, target attack.Target) {
	g.Shell(t, "systemctl restart foobar") // ends the connections of the attack before
	before := g.show(t, "foobar.service", "MainPID")
	r := a.Start(target)
	r.WaitOpen()
	// The handshakes alone keep the emulated processor busy until here.
	c := attack.StartClient(target, a.Protocol)
	time.Sleep(attackTime) // the length of the attack
	const cgroup = "/sys/fs/cgroup/system.slice/foobar.service/"
	usage := g.Shell(t, "cd "+cgroup+` && echo memory.peak $(<memory.peak) of $(<memory.max), $(grep ^sock memory.stat)`)
	result, client := r.Stop(), c.Stop()
	t.Logf("%d connections; %d requests of a client that behaves, the longest %v; %s",
		result.Connections, len(client.Waits), client.Quantile(1).Round(time.Millisecond), strings.TrimSpace(usage))
	if len(client.Errors) > 0 {
		t.Errorf("a client that behaves: %q", client.Errors)
	}
	if after := g.show(t, "foobar.service", "MainPID"); after != before {
		t.Errorf("the main process of foobar.service was %s and is %s", before, after)
	}
	events := g.Shell(t, "cat "+cgroup+"memory.events")
	if killed := regexp.MustCompile(`(?m)^(oom|oom_kill) [1-9].*`).FindString(events); killed != "" {
		t.Errorf("memory.events: %s", killed)
	}
}
