//go:build testbed

package booted

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const (
	blue         = "foobar@blue.service"
	blueURL      = "https://localhost:8090"
	blueConf     = "/etc/foobar@blue/conf.yaml"
	instancesDoc = "../../docs/instances.md"
)

// asWritten runs the commands of a document as a user who may use sudo, and returns
// their output.
func asWritten(t *testing.T, m *testbed.Machine, script string) string {
	t.Helper()
	if script == "" {
		t.Fatal("the document has no such commands")
	}
	return m.Must(t, testbed.Command{User: "builder", Args: []string{"bash", "-euo", "pipefail", "-c", script}})
}

// TestInstances runs two instances at once, with the document's commands. They share no
// data, and a failure of one does not affect the other.
func TestInstances(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		first := running(t, release)
		m := first.Machine
		do := documents.Scripts(t, instancesDoc)
		first.store(t, "the first")
		before := processOf(t, m, "foobar.service")

		refusesWithoutAddress(t, m)
		asWritten(t, m, do["Add one"])
		other := connectTo(t, m, "/etc/foobar@blue/credentials", blueURL)
		expectContains(t, "the document's commands", asWritten(t, m, do["Use it"]), "ok")
		other.expectState(t, "hello")

		areSeparate(t, first, other)
		compareProperties(t, m)
		bluePassesTools(t, m)
		takesNewCredentials(t, m)
		other = connectTo(t, m, "/etc/foobar@blue/credentials", blueURL)
		breakOther(t, first, other)
		other = rotateOther(t, first)
		if after := processOf(t, m, "foobar.service"); after != before {
			t.Errorf("the first was %q, and is %q after all that the other went through", before, after)
		}

		shareNoDirectory(t, m)
		upgradeBoth(t, first, other)
		m.Reboot(t)
		first.expectState(t, "the first")
		other.expectState(t, "the other's")

		reinstallBoth(t, first, other)
		asWritten(t, m, do["Remove it"])
		if out := m.Shell(t, `ls -d /etc/*/*blue* /etc/*blue* /var/lib/*blue* /var/lib/private/*blue* /run/*blue* 2>/dev/null || true`); out != "" {
			t.Errorf("the removal leaves\n%s", out)
		}
		first.expectState(t, "the first")
	})
}

// processOf identifies the running process of a service.
func processOf(t *testing.T, m *testbed.Machine, unit string) string {
	t.Helper()
	return showUnit(t, m, unit, "MainPID") + " restarted " + showUnit(t, m, unit, "NRestarts")
}

func refusesWithoutAddress(t *testing.T, m *testbed.Machine) {
	t.Helper()
	r := m.Try("systemctl", "start", "foobar@blue")
	if r.Code == 0 {
		t.Error("an instance without addresses starts")
	}
	if !strings.Contains(r.Stderr, "foobar@blue.socket has a bad unit file setting") &&
		!strings.Contains(r.Stderr, "foobar-metrics@blue.socket has a bad unit file setting") {
		t.Errorf("of an instance without addresses systemctl says\n%s", r.Stderr)
	}
	m.Exec(t, "journalctl", "--sync")
	expectContains(t, "the socket's journal", m.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-u", "foobar@blue.socket"), "has no Listen setting")
}

func areSeparate(t *testing.T, first, other *service) {
	t.Helper()
	m := first.Machine
	other.do(t, 401, "POST", "/", "x", first.bearer())
	first.do(t, 401, "POST", "/", "x", other.bearer())
	wrong := &service{m, first.client, other.token, blueURL}
	if r, err := wrong.send("GET", blueURL+"/", ""); err == nil {
		t.Errorf("the other's certificate is verified by the first's: %s", r.Status)
	}
	other.store(t, "the other's")
	first.expectState(t, "the first")
	for path, want := range map[string]string{
		stateFile:                        "the first",
		"/var/lib/foobar@blue/statefile": "the other's",
		"/run/foobar-admin.sock":         "the first",
		"/run/foobar-admin@blue.sock":    "the other's",
	} {
		testbed.Eventually(t, 10*time.Second, func() string {
			got := m.Try("cat", path).Stdout
			if strings.HasPrefix(path, "/run/") {
				got = m.Try("curl", "-sS", "--unix-socket", path, "http://foobar/").Stdout
			}
			if got != want {
				return path + " has " + strconv.Quote(got)
			}
			return ""
		})
	}
	for _, property := range []string{"UID", "GID", "User", "ControlGroup"} {
		if one, two := show(t, m, property), showUnit(t, m, blue, property); one == two || one == "" {
			t.Errorf("%s is %q of both", property, one)
		}
	}

	// The log and the figures of one do not show the other.
	stored := func(port string) string {
		return m.Shell(t, "curl -sS http://127.0.0.1:"+port+"/metrics | grep '^foobar_state_size_bytes '")
	}
	if one, two := stored("8081"), stored("8091"); one != "foobar_state_size_bytes 9\n" || two != "foobar_state_size_bytes 11\n" {
		t.Errorf("the metrics are %q and %q", one, two)
	}
	m.Exec(t, "journalctl", "--sync")
	logs := func(unit string) string { return m.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-u", unit) }
	if one := logs("foobar"); strings.Contains(one, "8090") || strings.Contains(one, "blue") {
		t.Errorf("the first's journal has\n%s", one)
	}
	if two := logs("foobar@blue"); strings.Contains(two, "8080") || !strings.Contains(two, "8090") {
		t.Errorf("the other's journal has\n%s", two)
	}
}

// shareNoDirectory gives both a cache, logs and runtime files, as a service of another
// kind may have, and compares the mounts of the two processes: both have the binary and
// the root directory, which they cannot write to, and nothing else in common.
func shareNoDirectory(t *testing.T, m *testbed.Machine) {
	t.Helper()
	for unit, name := range map[string]string{"foobar.service": "foobar", blue: "foobar@blue"} {
		dropIn(t, m, unit, strings.ReplaceAll(`[Service]
CacheDirectory=NAME
CacheDirectoryMode=0700
LogsDirectory=NAME
LogsDirectoryMode=0700
RuntimeDirectory=NAME.run
RuntimeDirectoryMode=0700
NoExecPaths=+/var/cache/NAME +/var/log/NAME +/run/NAME.run
`, "NAME", name))
		m.Exec(t, "systemctl", "restart", unit)
	}
	one, two := mountsOf(t, m, "foobar.service"), mountsOf(t, m, blue)
	var shared []string
	for source, target := range one {
		if two[source] != "" && !strings.Contains(source, "/inaccessible/") { // empty, and of mode 0
			shared = append(shared, target)
		}
	}
	slices.Sort(shared)
	if !slices.Equal(shared, []string{"/", "/bin/foobar"}) {
		t.Errorf("both have %q mounted, want the root and the binary alone", shared)
	}
	for _, path := range []string{"/var/lib/foobar", "/var/cache/foobar", "/var/log/foobar", "/run/foobar.run"} {
		if !slices.Contains(slices.Collect(maps.Values(one)), path) {
			t.Errorf("%s is not mounted in the first", path)
		}
	}
	for _, unit := range []string{"foobar.service", blue} {
		m.Exec(t, "systemctl", "stop", unit)
		m.Exec(t, "systemctl", "clean", "--what=cache", "--what=logs", "--what=runtime", unit)
		m.Exec(t, "systemctl", "revert", unit)
		m.Exec(t, "systemctl", "start", unit)
	}
}

// mountsOf returns the mount points of a service's process by what is mounted there: the
// file system's device, and the directory in it.
func mountsOf(t *testing.T, m *testbed.Machine, unit string) map[string]string {
	t.Helper()
	at, mounts := map[string]string{}, map[string]string{}
	for line := range strings.Lines(m.Read(t, "/proc/"+showUnit(t, m, unit, "MainPID")+"/mountinfo")) {
		fields := strings.Fields(line)              // ID, parent, device, directory, mount point
		at[fields[4]] = fields[2] + " " + fields[3] // the last one hides those before it
	}
	for target, source := range at {
		mounts[source] = target
	}
	return mounts
}

// takesNewCredentials replaces credentials, which the instance's path unit notices.
func takesNewCredentials(t *testing.T, m *testbed.Machine) {
	t.Helper()
	m.Shell(t, `
mkdir /tmp/new
foobar init-credentials -dir /tmp/new -host localhost
cp /tmp/new/{cert,key} /etc/foobar@blue/credentials/`)
	testbed.Eventually(t, 30*time.Second, func() string {
		if r := m.Try("curl", "-sS", "--cacert", "/tmp/new/cert", blueURL); r.Stdout != "the other's" {
			return "with the new certificate: " + r.Stderr
		}
		return ""
	})
	m.Exec(t, "rm", "-r", "/tmp/new")
	testbed.Eventually(t, 30*time.Second, func() string {
		if state := showUnit(t, m, "foobar-credentials-reload@blue.service", "ActiveState"); state != "inactive" {
			return "foobar-credentials-reload@blue.service is " + state
		}
		return ""
	})
}

// compareProperties compares all properties of the two units but names.
func compareProperties(t *testing.T, m *testbed.Machine) {
	t.Helper()
	for unit, differ := range map[string][]string{
		"foobar": nil,
		// systemd makes a slice for a template.
		"foobar-credentials-reload": {"Slice", "Requires", "After"},
		"foobar-sockets-reopen":     {"Slice", "Requires", "After"},
		// docs/directives.md has the first two; the others follow from them.
		"foobar-credentials": {"ConfigurationDirectory", "ConfigurationDirectoryMode", "CanClean", "RequiresMountsFor", "Slice", "Requires", "After"},
	} {
		one, two := instanceProperties(t, m, unit+".service"), instanceProperties(t, m, unit+"@blue.service")
		for _, name := range differ {
			delete(one, name)
			delete(two, name)
		}
		if len(one) != len(two) || len(one) < 150 {
			t.Errorf("%s: the two have %d and %d properties", unit, len(one), len(two))
		}
		for name := range one {
			if one[name] != two[name] {
				t.Errorf("%s: %s is %q of the first, %q of the other", unit, name, one[name], two[name])
			}
		}
	}
	if got := mode("/etc/foobar@blue/credentials", m, t); got != "700 root:root" {
		t.Errorf("the other's credentials are in a directory of mode %s", got)
	}
}

// ownProperties lists the properties that two services never share.
var ownProperties = []string{"Id", "Names", "User", "Group", "UID", "GID", "MainPID", "ExecMainPID", "InvocationID", "ControlGroup", "ControlGroupId",
	"Description", "DropInPaths", "FragmentPath", "StatusText", "CPUUsageNSec", "MemoryCurrent", "MemoryPeak", "NRestarts", "RestartUSecNext",
	"TasksCurrent", "FileDescriptorStoreFDNames", "EffectiveMemoryMax", "EffectiveMemoryHigh"}

func instanceProperties(t *testing.T, m *testbed.Machine, unit string) map[string]string {
	t.Helper()
	all := m.UnitProperties(t, unit)
	for _, name := range ownProperties {
		delete(all, name)
	}
	for name, value := range all {
		words := strings.Fields(strings.ReplaceAll(value, "@blue", ""))
		slices.Sort(words)
		all[name] = strings.Join(words, " ")
	}
	return all
}

func bluePassesTools(t *testing.T, m *testbed.Machine) {
	t.Helper()
	r := m.Try("systemd-analyze", "verify", "--man=no", blue, "foobar@blue.socket", "foobar-metrics@blue.socket", "foobar-admin@blue.socket", "foobar-credentials@blue.service")
	if out := r.Stdout + r.Stderr; r.Code != 0 || out != "" {
		t.Errorf("systemd-analyze verify: exit status %d\n%s", r.Code, out)
	}
	expectContains(t, "systemd-analyze security", m.Exec(t, "systemd-analyze", "security", "--no-pager", blue), "level for foobar@blue.service: 0.1 ")
	cat := m.Exec(t, "systemctl", "cat", "foobar@blue")
	expectContains(t, "systemctl cat", cat, "# /usr/lib/systemd/system/foobar@.service\n")
	expectContains(t, "systemctl cat", cat, "# /usr/lib/systemd/system/foobar@.service.d/10-credentials.conf\n")
	expectSilence(t, "with two instances", m.Try(checkPolicy))
	for _, path := range strings.Fields(m.Exec(t, "systemctl", "show", "--value", "-p", "FragmentPath", blue, "foobar-admin@blue.socket", "foobar-credentials@blue.service")) {
		m.Exec(t, "pacman", "-Qo", path)
	}
}

// breakOther kills the other instance, limits it and makes its configuration wrong,
// and restores it each time.
func breakOther(t *testing.T, first, other *service) {
	t.Helper()
	m := first.Machine
	m.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", blue)
	other.awaitReady(t)
	other.expectState(t, "the other's")

	m.Write(t, blueConf, setting("limits", "state", "1KiB"))
	m.Exec(t, "systemctl", "reload", "foobar", "foobar@blue")
	other.do(t, 413, "POST", "/", strings.Repeat("y", 2000), other.bearer())
	first.do(t, 200, "POST", "/", strings.Repeat("y", 2000), first.bearer())
	first.store(t, "the first")

	m.Write(t, blueConf, setting("limits", "state", "banana"))
	if r := m.Try("systemctl", "restart", "foobar@blue"); r.Code == 0 {
		t.Error("the other starts with a wrong configuration")
	}
	if status := showUnit(t, m, blue, "ExecMainStatus"); status != "78" {
		t.Errorf("the other ends with status %s, want 78", status)
	}
	m.Exec(t, "journalctl", "--sync")
	expectContains(t, "the other's journal", m.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-u", blue, "-p", "err"), blueConf+":2:10: ")
	if _, err := other.send("GET", blueURL+"/", ""); err == nil {
		t.Error("the other answers after it failed")
	}
	first.expectState(t, "the first")

	m.Write(t, blueConf, "{}\n")
	m.Exec(t, "systemctl", "start", "foobar@blue")
	other.expectState(t, "the other's")
}

// rotateOther replaces the other instance's certificate, which it loads by itself.
func rotateOther(t *testing.T, first *service) *service {
	t.Helper()
	const creds = "/etc/foobar@blue/credentials"
	m := first.Machine
	was := m.ServedCertificate("8080")
	m.MakePair(t, "/root/new")
	m.Exec(t, "mv", "/root/new/key", "/root/new/cert", creds)
	awaitCertificate(t, m, "8090", creds+"/cert")
	if is := m.ServedCertificate("8080"); is != was || is == "" {
		t.Errorf("the first serves %q, and served %q before the other had a new certificate", is, was)
	}
	other := connectTo(t, m, creds, blueURL)
	other.awaitReady(t)
	return other
}

// upgradeBoth installs the next version, which restarts both.
func upgradeBoth(t *testing.T, first, other *service) {
	t.Helper()
	m := first.Machine
	one, two := processOf(t, m, "foobar.service"), processOf(t, m, blue)
	m.Shell(t, testbed.Publish+"publish v2; pacman -Syu --noconfirm --noprogressbar")
	if one == processOf(t, m, "foobar.service") || two == processOf(t, m, blue) {
		t.Error("an upgrade does not restart both")
	}
	first.expectState(t, "the first")
	other.expectState(t, "the other's")
}

// reinstallBoth removes the packages, which stops both services and keeps their
// data, and installs them again.
func reinstallBoth(t *testing.T, first, other *service) {
	t.Helper()
	m := first.Machine
	m.Exec(t, "pacman", "-Rns", "--noconfirm", "--noprogressbar", "foobar")
	if r := m.Try("pgrep", "-a", "foobar"); r.Stdout != "" {
		t.Errorf("after the removal there are\n%s", r.Stdout)
	}
	m.Exec(t, "pacman", "-S", "--noconfirm", "--noprogressbar", "foobar")
	m.Exec(t, "systemctl", "start", "foobar", "foobar@blue")
	first.expectState(t, "the first")
	other.expectState(t, "the other's")
}
