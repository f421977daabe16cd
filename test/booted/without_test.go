//go:build testbed && measure

package booted

import (
	"fmt"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/directives"
)

const unitDirectory = "/usr/lib/systemd/system/"

// mountPoints lists what systemd has made in the root directory of the service.
const mountPoints = "find /run/foobar | sort"

// shownElsewhere names the tests that fail without a line of [Service] that makes no
// difference to TestProcessProperties, by the beginning of the line. Lines whose comment
// says that they are the default, or implied, make none to any test.
var shownElsewhere = map[string]string{
	"LoadCredential=memory-max:": "TestKernel/MemoryMax in test/vm, where the kernel enforces the limit",
	"LoadCredential=etcd-":       "TestCluster",
}

// A shippedFile is a unit or drop-in of the packages, with the lists that show it.
type shippedFile struct {
	path  string
	shown []list
}

var shippedFiles = []shippedFile{
	{"foobar.service", alone[:1]},
	{"foobar.service.d/10-credentials.conf", alone[:1]},
	{"foobar-credentials-.service.d/10-sandbox.conf", alone[1:]},
	{"foobar-credentials.service", alone[1:2]},
	{"foobar-credentials-check@.service", alone[2:3]},
	{"foobar-credentials-reload.service", alone[3:4]},
	{"foobar-sockets-reopen.service", alone[4:5]},
	{"foobar.service.d/50-outbound.conf", []list{{unit: "foobar.service", addition: "foobar-outbound", replaced: true}}},
	{"foobar.service.d/15-etcd.conf", []list{{unit: "foobar.service", addition: "foobar-etcd", replaced: true}}},
	{"foobar.service.d/16-etcd-network.conf", []list{{unit: "foobar.service", addition: "foobar-etcd", replaced: true}}},
	{"foobar-credentials-check@.service.d/15-etcd.conf", []list{{unit: "foobar-credentials-check@.service", addition: "foobar-etcd", replaced: true}}},
}

// TestPropertiesWithoutDirectives takes each line of [Service] out of the shipped files,
// and wants TestProcessProperties to fail.
func TestPropertiesWithoutDirectives(t *testing.T) {
	program := testbed.BuildStatic(t, "../tools/mutate")
	for _, f := range shippedFiles {
		t.Run(f.path, func(t *testing.T) {
			t.Parallel()
			m := machines.Running(t, "forky")
			m.CopyProgram(t, program, "/srv/mutate")
			f.prepare(t, m)
			m.Shell(t, mountPoints+" >/srv/mount-points")
			if found := f.differences(t, m); found != "" {
				t.Fatalf("the file as it is: %s", found)
			}
			for _, d := range f.directives(t, m) {
				for _, value := range d.Values {
					f.without(t, m, d, value)
				}
			}
		})
	}
}

// prepare puts test/tools/mutate in the place of the programs, and installs the package
// of the file.
func (f shippedFile) prepare(t *testing.T, m *testbed.Machine) {
	t.Helper()
	if !f.shown[0].replaced {
		return
	}
	m.Exec(t, "systemctl", "stop", "foobar")
	replaceProgram(t, m, "/srv/mutate")
	if addition := f.shown[0].addition; addition != "" {
		add(t, m, addition)
	}
}

// directives returns the directives of [Service] but the program's command.
func (f shippedFile) directives(t *testing.T, m *testbed.Machine) []directives.Directive {
	t.Helper()
	all, err := directives.Parse(f.path, m.Read(t, unitDirectory+f.path))
	if err != nil {
		t.Fatal(err)
	}
	var found []directives.Directive
	for _, d := range all {
		if d.Section == "Service" && d.Name != "ExecStart" {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no directive", f.path)
	}
	return found
}

// without takes one line out, compares, and puts the line back.
func (f shippedFile) without(t *testing.T, m *testbed.Machine, d directives.Directive, value string) {
	t.Helper()
	line := d.Name + "=" + value
	path := unitDirectory + f.path
	text := m.Read(t, path)
	if !strings.Contains(text, "\n"+line+"\n") {
		t.Fatalf("%s has no line %q", f.path, line)
	}
	defer m.Write(t, path, text)
	m.Write(t, path, strings.Replace(text, "\n"+line+"\n", "\n", 1))
	found := f.differences(t, m)
	switch elsewhere := testElsewhere(line); {
	case found != "":
		t.Logf("without %s: %s", line, found)
	case strings.Contains(d.Comment, "the default") || strings.Contains(d.Comment, "impl"):
		t.Logf("without %s: no difference, as its comment says: %s", line, d.Comment)
	case elsewhere != "":
		t.Logf("without %s: see %s", line, elsewhere)
	default:
		t.Errorf("without %s: no difference", line)
	}
}

// testElsewhere returns the entry of shownElsewhere for a line, or "".
func testElsewhere(line string) string {
	for beginning, name := range shownElsewhere {
		if strings.HasPrefix(line, beginning) {
			return name
		}
	}
	return ""
}

// differences returns how one of the units differs from its list, or "".
func (f shippedFile) differences(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	m.Exec(t, "systemctl", "daemon-reload")
	// A start without a directive may leave more mount points in the root directory, where
	// the next start has mounts.
	m.Shell(t, "systemctl stop foobar; "+mountPoints+" | comm -13 /srv/mount-points - | sort -r | xargs -r -d '\\n' rm -rf")
	for _, l := range f.shown {
		if !l.replaced {
			m.Exec(t, "systemctl", "reset-failed")
			if r := m.Try("systemctl", "start", l.unit); r.Code != 0 {
				return l.unit + " does not start"
			}
		}
		got, err := l.changes(t, m)
		if err != nil {
			return strings.TrimSpace(err.Error())
		}
		want := committed(t, l.path())
		if more, less := without(got, want), without(want, got); len(more)+len(less) > 0 {
			return fmt.Sprintf("%s has %q and not %q", l.unit, more, less)
		}
	}
	return ""
}
