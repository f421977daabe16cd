//go:build testbed

package booted

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/directives"
)

// reloadUnit checks new credentials, and reloads the service.
const reloadUnit = "foobar-credentials-reload.service"

// traceLimit bounds what the programs of a unit do while they are traced.
const traceLimit = 4 * reloadLimit

// TestSystemCallsOfHelpers compares the system calls of the units that start beside the
// service with their lists, as TestSystemCalls does. Two of them run scripts, and so
// programs of the machine. With FOOBAR_WRITE=1 it writes the lists that name no group.
func TestSystemCallsOfHelpers(t *testing.T) {
	t.Parallel()
	helpers := life{[]tracedUnit{
		{"foobar-credentials.service", "/bin/foobar init-credentials", false},
		{"foobar-credentials-check@.service", "/bin/foobar check-credentials", false},
		{"foobar-credentials-reload.service", "/bin/bash /usr/lib/foobar/reload-credentials", true},
		{"foobar-sockets-reopen.service", "/bin/bash /usr/lib/foobar/reopen-sockets", true},
	}, runHelpers}
	helpers.measure(t)
}

// runHelpers takes the helper units along every path of their programs. An instance takes
// the same paths.
func runHelpers(t *testing.T, m *testbed.Machine) {
	t.Helper()
	makeCredentials(t, m)
	// A tracer makes a check of the credentials slow, and each check makes the same calls.
	m.Shell(t, `sed 's/^max_checks=15 /max_checks=2 /' /usr/lib/foobar/reload-credentials >/srv/reload-credentials
grep -q '^max_checks=2 ' /srv/reload-credentials
chmod 755 /srv/reload-credentials
mount --bind /srv/reload-credentials /usr/lib/foobar/reload-credentials`)
	changeCredentials(t, m)
	reloadWithoutChange(t, m)
	reopenSockets(t, m)
}

// makeCredentials has one credential made that is lost, then all of them.
func makeCredentials(t *testing.T, m *testbed.Machine) {
	t.Helper()
	for _, lost := range []string{"token", "key cert", "key cert token"} {
		m.Shell(t, "cd "+credsDir+"; rm -f "+lost+"; systemctl start foobar-credentials")
	}
}

// changeCredentials has new credentials checked: good ones, with client authorities and
// an encrypted credential, and a key that does not fit.
func changeCredentials(t *testing.T, m *testbed.Machine) {
	t.Helper()
	encrypted := m.Must(t, testbed.Command{Stdin: "x", Args: []string{"systemd-creds", "encrypt", "--name=other", "-", "-"}})
	dropIn(t, m, "foobar.service", "[Service]\nSetCredentialEncrypted=other:"+strings.Join(strings.Fields(encrypted), "")+"\n")
	m.Exec(t, "systemctl", "enable", "--now", "foobar")
	m.MakePair(t, "/root/new")
	afterChange(t, m, "install -D -m 600 /root/new/cert /etc/credstore/foobar.client-ca; cp /root/new/* "+credsDir, "success")
	if m.ServedCertificate("8080") != m.Certificate(t, "/root/new/cert") {
		t.Error("the new certificate is not served")
	}
	m.MakePair(t, "/root/newer")
	afterChange(t, m, "cp /root/newer/key "+credsDir, "exit-code")
	m.Shell(t, "systemctl stop foobar-credentials-reload.path; cp /root/new/key "+credsDir)
}

// afterChange changes a credential, and waits until the path unit has had it checked.
func afterChange(t *testing.T, m *testbed.Machine, change, result string) {
	t.Helper()
	before := showUnit(t, m, reloadUnit, "InvocationID")
	m.Shell(t, change)
	awaitEnd(t, m, reloadUnit, before)
	if got := showUnit(t, m, reloadUnit, "Result"); got != result {
		t.Errorf("after %q: Result=%s of %s, want %s", change, got, reloadUnit, result)
	}
}

// awaitEnd waits until a unit has ended that was started after the given one.
func awaitEnd(t *testing.T, m *testbed.Machine, unit, before string) {
	t.Helper()
	testbed.Eventually(t, traceLimit, func() string {
		// First the start: a state of before would be taken for the new one's.
		started := showUnit(t, m, unit, "InvocationID") != before
		if state := showUnit(t, m, unit, "ActiveState"); !started || state != "inactive" && state != "failed" {
			return unit + " is " + state
		}
		return ""
	})
}

// reloadWithoutChange reloads a service that cannot be reloaded, interrupts a check, and
// finds the service stopped.
func reloadWithoutChange(t *testing.T, m *testbed.Machine) {
	t.Helper()
	dropIn(t, m, "foobar.service", "[Service]\nType=notify\nRefreshOnReload=no\n")
	m.Exec(t, "systemctl", "restart", "foobar")
	expectReload(t, m, "exit-code")
	dropIn(t, m, "foobar.service", "")
	m.Exec(t, "systemctl", "restart", "foobar")
	m.Exec(t, "systemctl", "start", "--no-block", reloadUnit)
	testbed.Eventually(t, traceLimit, func() string {
		return m.Try("bash", "-c", "compgen -G '/run/systemd/system/foobar-credentials-check@*' >/dev/null || echo no check runs").Stdout
	})
	m.Exec(t, "systemctl", "stop", reloadUnit)
	if left := m.Shell(t, "compgen -G '/run/systemd/system/foobar-credentials-check@*' || true"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
	m.Exec(t, "systemctl", "stop", "foobar")
	expectReload(t, m, "success")
	m.Exec(t, "systemctl", "start", "foobar")
}

// expectReload starts the check of the credentials, which ends with a result.
func expectReload(t *testing.T, m *testbed.Machine, result string) {
	t.Helper()
	m.Try("systemctl", "start", reloadUnit)
	if got := showUnit(t, m, reloadUnit, "Result"); got != result {
		t.Errorf("Result=%s of %s, want %s", got, reloadUnit, result)
	}
}

// reopenSockets changes the address of a socket, to one that can be bound and to one that
// cannot, and has the service fail for another reason.
func reopenSockets(t *testing.T, m *testbed.Machine) {
	t.Helper()
	const reopen = "foobar-sockets-reopen.service"
	expect := func(address, result string) {
		t.Helper()
		dropIn(t, m, "foobar-metrics.socket", "[Socket]\nListenStream=\nListenStream="+address+"\n")
		before := showUnit(t, m, reopen, "InvocationID")
		m.Exec(t, "systemctl", "kill", "--signal=KILL", "foobar")
		awaitEnd(t, m, reopen, before)
		if got := showUnit(t, m, reopen, "Result"); got != result {
			t.Errorf("Result=%s of %s with the address %s, want %s", got, reopen, address, result)
		}
	}
	expect("127.0.0.1:9001", "success")
	expect("192.0.2.1:9001", "exit-code")
	m.Exec(t, "rm", "-r", "/etc/systemd/system/foobar-metrics.socket.d")
	m.Write(t, confFile, "limits:\n  connections: -1\n")
	m.Exec(t, "systemctl", "daemon-reload")
	m.Try("systemctl", "start", "foobar")
	testbed.Eventually(t, traceLimit, func() string {
		if state := showUnit(t, m, reopen, "ActiveState") + show(t, m, "ActiveState"); state != "inactivefailed" {
			return "the units are " + state
		}
		return ""
	})
}

// callGroups returns the system calls of each group, systemd.exec(5).
func callGroups(t *testing.T, m *testbed.Machine) map[string][]string {
	t.Helper()
	groups := map[string][]string{}
	group := ""
	for line := range strings.Lines(m.Exec(t, "systemd-analyze", "syscall-filter", "--no-pager")) {
		name := strings.TrimSpace(line)
		switch {
		case name == "" || strings.HasPrefix(name, "#"):
		case !strings.HasPrefix(line, " "):
			group = name
		default:
			groups[group] = append(groups[group], name)
		}
	}
	return groups
}

// compareGroups wants the list of a unit to allow each call that was made, and each
// group and call of the list to be needed for one of them.
func (u tracedUnit) compareGroups(t *testing.T, made map[string]bool, groups map[string]map[string]bool) {
	t.Helper()
	deny, _ := exceptions(t, u.unit)
	unit, err := directives.ParseFile(unitPath(u.unit))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{} // entries of the list, by the call that they allow
	var entries []string
	for _, d := range unit {
		if d.Name != "SystemCallFilter" {
			continue
		}
		for _, value := range d.Values {
			for _, entry := range strings.Fields(strings.TrimPrefix(value, "~")) {
				for _, name := range members(entry, groups) {
					allowed[name] = append(allowed[name], entry)
					if strings.HasPrefix(value, "~") {
						delete(allowed, name)
					}
				}
				if !strings.HasPrefix(value, "~") {
					entries = append(entries, entry)
				}
			}
		}
	}
	needed := map[string][]string{} // calls that only one entry allows, by the entry
	for _, name := range slices.Sorted(maps.Keys(made)) {
		switch by := allowed[name]; {
		case len(by) == 0 && deny[name] == "":
			t.Errorf("%s makes the call %s, which SystemCallFilter= does not allow", u.unit, name)
		case len(by) == 1:
			needed[by[0]] = append(needed[by[0]], name)
		}
	}
	for _, entry := range entries {
		if len(needed[entry]) == 0 {
			t.Errorf("%s allows %s, and makes no such call", u.unit, entry)
		}
		t.Logf("%s: %s for %s", u.unit, entry, strings.Join(needed[entry], " "))
	}
}

// members returns the calls of a group and of the groups in it, or the call itself.
func members(entry string, groups map[string]map[string]bool) []string {
	if !strings.HasPrefix(entry, "@") {
		return []string{entry}
	}
	var names []string
	for name := range groups[entry] {
		names = append(names, members(name, groups)...)
	}
	return names
}
