//go:build testbed

package booted

import (
	"context"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// setAddresses gives a socket unit other addresses, as `systemctl edit` does.
func setAddresses(t *testing.T, m *testbed.Machine, unit string, addresses ...string) {
	t.Helper()
	dropIn(t, m, unit, "[Socket]\nListenStream=\nListenStream="+strings.Join(addresses, "\nListenStream=")+"\n")
}

// expectAddresses checks who listens: the first addresses must accept connections,
// the others must refuse them.
func expectAddresses(t *testing.T, m *testbed.Machine, open, closed []string) {
	t.Helper()
	for _, address := range open {
		c, err := m.Dial(context.Background(), "tcp", address)
		if err != nil {
			t.Errorf("nobody listens at %s: %v", address, err)
			continue
		}
		c.Close()
	}
	for _, address := range closed {
		if c, err := m.Dial(context.Background(), "tcp", address); err == nil {
			c.Close()
			t.Errorf("somebody listens at %s", address)
		}
	}
}

// Every socket unit may have several addresses: loopback and another interface,
// IPv4 and IPv6 apart.
func TestSeveralAddresses(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.Exec(t, "ip", "address", "add", "192.0.2.1/32", "dev", "lo")
		for unit, addresses := range map[string][]string{
			"foobar.socket":         {"127.0.0.1:8080", "192.0.2.1:8443", "[::1]:8080"},
			"foobar-metrics.socket": {"127.0.0.1:8081", "127.0.0.2:8081"},
			"foobar-admin.socket":   {"/run/foobar-admin.sock", "/run/foobar-second.sock"},
		} {
			setAddresses(t, s.Machine, unit, addresses...)
		}
		s.Exec(t, "systemctl", "restart", "foobar.socket", "foobar-metrics.socket", "foobar-admin.socket")
		s.awaitReady(t)
		open := []string{"127.0.0.1:8080", "192.0.2.1:8443", "[::1]:8080", "127.0.0.1:8081", "127.0.0.2:8081"}
		expectAddresses(t, s.Machine, open, []string{"192.0.2.1:8080", "127.0.0.1:8443"})
		s.Shell(t, "echo shared | foobar put -socket /run/foobar-second.sock")
		s.expectState(t, "shared\n")
		for _, url := range []string{"https://192.0.2.1:8443/", "https://[::1]:8080/"} {
			if out := s.Exec(t, "curl", "-sSk", url); out != "shared\n" {
				t.Errorf("%s: %q", url, out)
			}
		}
		for _, address := range open[:3] {
			expectContains(t, "the status", show(t, s.Machine, "StatusText"), address)
		}
		// All of them stay open over a restart and a crash.
		s.Exec(t, "systemctl", "restart", "foobar")
		expectAddresses(t, s.Machine, open, nil)
		s.Exec(t, "systemctl", "kill", "--signal=KILL", "foobar")
		expectAddresses(t, s.Machine, open, nil)
		s.awaitReady(t)
	})
}
