//go:build testbed

package booted

import (
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/sandbox"
	"foobar/test/booted/testbed"
)

const (
	resolvConf = "/etc/resolv.conf"
	caBundle   = "/etc/ssl/certs/ca-certificates.crt"
	// The file of systemd-resolved to which /etc/resolv.conf is a link.
	stubResolvConf = "/run/systemd/resolve/stub-resolv.conf"
)

// TestOutbound calls an HTTPS server by name from the sandbox, which is possible only
// while the package foobar-outbound is installed.
func TestOutbound(t *testing.T) {
	caller, probe := testbed.BuildStatic(t, "../tools/outbound"), testbed.BuildStatic(t, "../tools/probe")
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		m.CopyProgram(t, caller, "/srv/caller")
		m.CopyProgram(t, probe, "/srv/probe")
		startServers(t, m)
		replaceProgram(t, m, "/srv/caller")
		m.Exec(t, "systemctl", "restart", "foobar")
		closed := settings(t, m)
		expectCalls(t, "without foobar-outbound", m, denied, denied)

		m.Exec(t, "pacman", "-S", "--noconfirm", "--noprogressbar", "foobar-outbound")
		expectCalls(t, "with foobar-outbound", m, "ok", "ok")
		for _, name := range []string{"multicast", "broadcast", "listen"} {
			expectContains(t, name, calls(t, m)[name], denied)
		}
		expectOwners(t, m)
		if got := exposure(t, m); got != "1.0" {
			t.Errorf("exposure is %s, in docs/directives.md 1.0", got)
		}
		everyCallIsNeeded(t, m, closed)
		siteNamesHosts(t, m)
		resolvedsLink(t, m)
		outboundSandbox(t, m)
		outboundUpgrade(t, m)

		replaceProgram(t, m, "/srv/caller")
		m.Exec(t, "pacman", "-R", "--noconfirm", "--noprogressbar", "foobar-outbound")
		expectCalls(t, "after the removal of foobar-outbound", m, denied, denied)
		for name, was := range closed {
			if is := settings(t, m)[name]; !slices.Equal(is, was) {
				t.Errorf("%s was %q and is %q after the removal of foobar-outbound", name, was, is)
			}
		}
		if out := m.Exec(t, "ls", "/run/foobar/etc"); out != "foobar\n" {
			t.Errorf("after the removal of foobar-outbound /run/foobar/etc has\n%s", out)
		}
	})
}

// denied is part of the result of a call that the sandbox denies.
const denied = "operation not permitted"

// startServers runs the servers of test/tools/outbound on the machine's loopback
// interface, and makes the machine use its name server and certificate.
func startServers(t *testing.T, m *testbed.Machine) {
	t.Helper()
	m.Shell(t, `
ip address add 192.0.2.53/32 dev lo
ip address add 192.0.2.80/32 dev lo
ip address add 2001:db8::80/128 dev lo nodad
ip route add 224.0.0.0/4 dev lo
ip route add 255.255.255.255/32 dev lo
systemd-run -q --unit=servers /srv/caller -serve /srv/servers.crt`)
	testbed.Eventually(t, 10*time.Second, func() string { return m.Try("cat", "/srv/servers.crt").Stderr })
	// As on Arch, where the bundle is a link to a generated file.
	m.Shell(t, `
install -Dm644 /srv/servers.crt /etc/ca-certificates/extracted/tls-ca-bundle.pem
ln -sf ../../ca-certificates/extracted/tls-ca-bundle.pem `+caBundle+`
echo nameserver 192.0.2.53 >`+resolvConf)
}

// replaceProgram mounts a program over the service's binary, and changes no unit.
func replaceProgram(t *testing.T, m *testbed.Machine, program string) {
	t.Helper()
	m.Shell(t, "! mountpoint -q /usr/bin/foobar || umount /usr/bin/foobar")
	if program != "" {
		m.Exec(t, "mount", "--bind", program, "/usr/bin/foobar")
	}
}

// calls returns the results, by name, of what the program tried at its start.
func calls(t *testing.T, m *testbed.Machine) map[string]string {
	t.Helper()
	results := map[string]string{}
	for part := range strings.SplitSeq(show(t, m, "StatusText"), "; ") {
		name, result, _ := strings.Cut(part, ": ")
		results[name] = result
	}
	return results
}

func expectCalls(t *testing.T, when string, m *testbed.Machine, four, six string) {
	t.Helper()
	results := calls(t, m)
	expectContains(t, when+", the IPv4 server", results["four.example"], four)
	expectContains(t, when+", the IPv6 server", results["six.example"], six)
}

// settings returns the properties that the drop-in changes.
func settings(t *testing.T, m *testbed.Machine) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, name := range []string{
		"After", "BindReadOnlyPaths", "DropInPaths", "InaccessiblePaths", "IPAddressAllow", "IPAddressDeny",
		"NoExecPaths", "PrivateNetwork", "RestrictAddressFamilies", "SystemCallFilter",
	} {
		words := strings.Fields(show(t, m, name))
		slices.Sort(words)
		all[name] = words
	}
	return all
}

// expectOwners checks that every bound path belongs to a package on which
// foobar-outbound depends.
func expectOwners(t *testing.T, m *testbed.Machine) {
	t.Helper()
	bound := boundPaths(t, m)
	depends := m.Exec(t, "pacman", "-Qi", "foobar-outbound")
	for path, owner := range map[string]string{resolvConf: "filesystem", caBundle: "ca-certificates-utils"} {
		if !slices.Contains(bound, path) {
			t.Errorf("%s is not bound", path)
		}
		if got := m.Exec(t, "pacman", "-Qqo", path); got != owner+"\n" {
			t.Errorf("%s belongs to %q", path, got)
		}
		expectContains(t, "pacman -Qi foobar-outbound", depends, owner)
	}
	for _, path := range bound {
		m.Exec(t, "pacman", "-Qo", path)
	}
	if r := m.Try(checkPolicy); r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("check-policy: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// restartWith restarts the service with a drop-in, and removes the drop-in.
func restartWith(t *testing.T, m *testbed.Machine, text string) {
	t.Helper()
	dropIn(t, m, "foobar.service", "[Service]\n"+text+"\n")
	m.Exec(t, "systemctl", "restart", "foobar")
	m.Shell(t, "rm /etc/systemd/system/foobar.service.d/50-test.conf; systemctl daemon-reload")
}

// everyCallIsNeeded denies each system call that the drop-in allows.
func everyCallIsNeeded(t *testing.T, m *testbed.Machine, closed map[string][]string) {
	t.Helper()
	for _, name := range settings(t, m)["SystemCallFilter"] {
		if slices.Contains(closed["SystemCallFilter"], name) {
			continue
		}
		restartWith(t, m, "SystemCallFilter=~"+name)
		expectCalls(t, "without "+name, m, name+": "+denied, name+": "+denied)
	}
}

// siteNamesHosts limits the addresses as the package's message describes it, and
// then removes all limits.
func siteNamesHosts(t *testing.T, m *testbed.Machine) {
	t.Helper()
	restartWith(t, m, "IPAddressDeny=any\nIPAddressAllow=192.0.2.53 192.0.2.80")
	expectCalls(t, "with one server allowed", m, "ok", "deadline exceeded")
	restartWith(t, m, "IPAddressDeny=")
	results := calls(t, m)
	expectContains(t, "multicast with no limit", results["multicast"], "ok")
	expectContains(t, "broadcast with no limit", results["broadcast"], "ok")
}

// resolvedsLink tests /etc/resolv.conf as systemd-resolved makes it: a link to a file
// that appears some time after boot and is replaced by rename.
func resolvedsLink(t *testing.T, m *testbed.Machine) {
	t.Helper()
	m.Exec(t, "systemctl", "stop", "foobar")
	m.Exec(t, "ln", "-sf", "../../"+stubResolvConf[1:], resolvConf)
	m.Exec(t, "systemctl", "start", "--no-block", "foobar")
	testbed.Eventually(t, 10*time.Second, func() string {
		if got := show(t, m, "Result"); got == "success" {
			return "the service starts without a name server's address"
		}
		return ""
	})
	expectContains(t, "check-policy", m.Try(checkPolicy).Stdout, "foobar.service: BindReadOnlyPaths="+resolvConf+": is missing")

	m.Write(t, stubResolvConf, "nameserver 192.0.2.53\n")
	testbed.Eventually(t, 30*time.Second, func() string {
		if m.Try("systemctl", "is-active", "-q", "foobar").Code != 0 {
			return "the service is not up"
		}
		return ""
	})
	expectCalls(t, "with systemd-resolved's link", m, "ok", "ok")
	expectOwners(t, m)

	inside := "/proc/" + show(t, m, "MainPID") + "/root" + resolvConf
	const changed = "nameserver 192.0.2.54\n"
	m.Write(t, stubResolvConf, changed)
	if got := m.Read(t, inside); got == changed {
		t.Errorf("a new %s appears in the service: docs/directives.md says it does not", resolvConf)
	}
	m.Exec(t, "systemctl", "bind", "--read-only", "foobar.service", resolvConf)
	if got := m.Read(t, inside); got != changed {
		t.Errorf("after systemctl bind the service has\n%s", got)
	}
	m.Shell(t, "rm "+resolvConf+"; echo nameserver 192.0.2.53 >"+resolvConf)
	m.Exec(t, "systemctl", "restart", "foobar")
	expectCalls(t, "with a file again", m, "ok", "ok")
}

// outboundSandbox compares what the probe finds with the lists.
func outboundSandbox(t *testing.T, m *testbed.Machine) {
	t.Helper()
	replaceProgram(t, m, "/srv/probe")
	m.Exec(t, "systemctl", "restart", "foobar")
	report := parse(t, probed(t, m, probeReport))
	m.Exec(t, "systemctl", "stop", "foobar")
	for _, wrong := range slices.Concat(report.CheckAttempts(sandbox.OutboundAttempts()), report.CheckPaths(sandbox.OutboundPaths())) {
		t.Error(wrong)
	}
}

// outboundUpgrade upgrades all packages, which restarts the service once.
func outboundUpgrade(t *testing.T, m *testbed.Machine) {
	t.Helper()
	replaceProgram(t, m, "")
	m.Exec(t, "systemctl", "start", "foobar")
	before := countStarts(t, m)
	m.Shell(t, testbed.Publish+"publish v2; pacman -Syu --noconfirm --noprogressbar")
	expectContains(t, "pacman -Q", m.Exec(t, "pacman", "-Q", "foobar-outbound"), "-2\n")
	if n := countStarts(t, m) - before; n != 1 {
		t.Errorf("the upgrade is %d starts, want 1", n)
	}
	expectProperty(t, m, "ActiveState", "active")
}
