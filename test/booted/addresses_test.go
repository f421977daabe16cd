//go:build testbed

package booted

import (
	"context"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// setAddresses gives a socket unit other addresses, as `systemctl edit` does.
func setAddresses(t *testing.T, m *testbed.Machine, unit string, addresses ...string) {
	t.Helper()
	dropIn(t, m, unit, "[Socket]\nListenStream=\nListenStream="+strings.Join(addresses, "\nListenStream=")+"\n")
}

// listens reports whether the service listens at host:port, or at the path of an
// administration socket, over which a state can be read.
func listens(m *testbed.Machine, address string) bool {
	if strings.HasPrefix(address, "/") {
		return m.Try("foobar", "get", "-socket", address).Code == 0
	}
	c, err := m.Dial(context.Background(), "tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// expectAddresses checks at which addresses the service listens.
func expectAddresses(t *testing.T, m *testbed.Machine, open, closed []string) {
	t.Helper()
	for _, address := range open {
		if !listens(m, address) {
			t.Errorf("nobody listens at %s", address)
		}
	}
	for _, address := range closed {
		if listens(m, address) {
			t.Errorf("somebody listens at %s", address)
		}
	}
}

// TestSeveralAddresses gives every socket unit several addresses: loopback and another
// interface, IPv4 and IPv6 separately.
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

// TestCheckPolicyOfSockets changes files of an open socket. Their names have blanks and
// what busctl escapes, and one is removed before systemd reads the files again.
func TestCheckPolicyOfSockets(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		const dir = "/etc/systemd/system/foobar.socket.d/"
		says := func(when string, names ...string) {
			t.Helper()
			var want strings.Builder
			for _, name := range names {
				want.WriteString("warning: foobar.socket: " + dir + name + ": was changed after the socket was opened, and is not in use; systemctl restart foobar.socket\n")
			}
			if r := s.Try(checkPolicy); r.Stdout != want.String() || r.Stderr != "" {
				t.Errorf("%s check-policy says\n%s%swant\n%s", when, r.Stdout, r.Stderr, want.String())
			}
		}
		for _, name := range []string{"20 my site.conf", `30-ü\x.conf`} {
			s.Write(t, dir+name, "[Socket]\nBacklog=100\n")
		}
		s.Exec(t, "systemctl", "daemon-reload")
		says("with new drop-ins", "20 my site.conf", `30-ü\x.conf`)
		s.Exec(t, "systemctl", "restart", "foobar.socket")
		s.awaitReady(t)
		says("after a restart")
		s.Exec(t, "rm", dir+"20 my site.conf")
		says("after a removal", "20 my site.conf")
	})
}

// TestChangedAddress changes the address of an open socket. The service keeps the old
// socket until it ends, whatever ends it, and then starts with the new one by itself.
func TestChangedAddress(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		// Another unit of the site that triggers the service, and no socket.
		s.Write(t, "/etc/systemd/system/site.timer", "[Timer]\nOnActiveSec=1h\nUnit=foobar.service\n")
		s.Exec(t, "systemctl", "daemon-reload")
		s.Exec(t, "systemctl", "start", "site.timer")
		for _, test := range []struct{ name, unit, old, changed, end string }{
			{"crash", "foobar.socket", "127.0.0.1:8080", "127.0.0.1:9001", "systemctl kill --signal=KILL foobar"},
			{"restart", "foobar.socket", "127.0.0.1:9001", "127.0.0.1:9002", "systemctl restart foobar || true"},
			{"upgrade", "foobar.socket", "127.0.0.1:9002", "127.0.0.1:9003", "systemctl set-property --runtime foobar.service Markers=needs-restart; systemctl reload-or-restart --marked || true"},
			{"restart of the socket", "foobar.socket", "127.0.0.1:9003", "127.0.0.1:9004", "systemctl restart foobar.socket"},
			{"crash, metrics", "foobar-metrics.socket", "127.0.0.1:8081", "127.0.0.1:9005", "systemctl kill --signal=KILL foobar"},
			{"crash, admin", "foobar-admin.socket", "/run/foobar-admin.sock", "/run/foobar-changed.sock", "systemctl kill --signal=KILL foobar"},
		} {
			setAddresses(t, s.Machine, test.unit, test.changed)
			expectAddresses(t, s.Machine, []string{test.old}, []string{test.changed})
			if test.name == "crash" {
				expectContains(t, "check-policy", s.Try(checkPolicy).Stdout, "warning: foobar.socket: /etc/systemd/system/foobar.socket.d/50-test.conf: was changed after")
			}
			s.Shell(t, test.end)
			testbed.Eventually(t, 30*time.Second, func() string {
				if !listens(s.Machine, test.changed) {
					return test.name + ": nobody listens at " + test.changed
				}
				if state := show(t, s.Machine, "ActiveState"); state != "active" {
					return test.name + ": ActiveState=" + state
				}
				return ""
			})
			expectAddresses(t, s.Machine, nil, []string{test.old})
		}
		s.Exec(t, "systemctl", "is-active", "site.timer")
		if out := s.Try(checkPolicy).Stdout; strings.Contains(out, "was changed after") {
			t.Errorf("check-policy reports sockets that are in use:\n%s", out)
		}
		expectContains(t, "the journal", journal(t, s.Machine, "-p", "err"), "systemd has not passed all sockets, because the address of one was changed")
	})
}
