//go:build testbed

package booted

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const propertiesHead = `# Compared and written by TestProcessProperties: the properties of the unit's process
# (environment, limits, privileges, credentials, namespaces, mounts), what systemd has in
# force of each directive, and which of some system calls are allowed.
`

// A list is a committed list of the properties of a unit, by the name of its file. With a
// package of drop-ins, it has the lines that the package adds (+) and removes (-).
type list struct {
	unit, addition string // addition is "", or the package
	replaced       bool   // whether a program that waits runs in the place of the unit's own
}

func (l list) path() string {
	name := l.unit
	if l.addition != "" {
		name += " with " + l.addition
	}
	return "sandbox/properties/" + strings.ReplaceAll(name, " ", "-") + ".txt"
}

// alone are the lists without a further package. The helper units end within
// milliseconds, so that another program stands for theirs.
var alone = []list{
	{unit: "foobar.service"},
	{unit: "foobar-credentials.service", replaced: true},
	{unit: "foobar-credentials-check@.service", replaced: true},
	{unit: "foobar-credentials-reload.service", replaced: true},
	{unit: "foobar-sockets-reopen.service", replaced: true},
}

// comparedCalls has a call of each group that a unit allows or takes back.
// TestSystemCalls and TestSandbox compare the other calls.
var comparedCalls = []string{
	"bpf", "brk", "chown", "connect", "io_setup", "ioctl", "keyctl", "mlock", "mount", "pkey_alloc", "ptrace", "read", "seccomp", "setpriority",
	"setuid", "socket", "write",
}

// additions are the packages of drop-ins, with the units that they change.
var additions = []struct {
	name  string
	units []string
}{
	{"foobar-outbound", []string{"foobar.service"}},
	{"foobar-etcd", []string{"foobar.service", "foobar-credentials-check@.service"}},
}

// TestProcessProperties compares the properties of a process of each unit with the
// committed list. They show the effect of directives that no attempt of the probe shows.
// With FOOBAR_WRITE=1 it writes the lists.
func TestProcessProperties(t *testing.T) {
	program := testbed.BuildStatic(t, "../tools/mutate")
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		m.CopyProgram(t, program, "/srv/mutate")
		for _, l := range alone {
			if l.replaced {
				m.Exec(t, "systemctl", "stop", "foobar")
				replaceProgram(t, m, "/srv/mutate")
			}
			l.compare(t, m)
		}
		for _, addition := range additions {
			add(t, m, addition.name)
			for _, unit := range addition.units {
				list{unit: unit, addition: addition.name, replaced: true}.compare(t, m)
			}
			m.Try("umount", "/usr/bin/foobar-etcd") // not of the other package
			m.Exec(t, "pacman", "-Rs", "--noconfirm", "--noprogressbar", addition.name)
		}
	})
}

// add installs a package of drop-ins, with test/tools/mutate in the place of its program,
// and what the drop-in mounts.
func add(t *testing.T, m *testbed.Machine, name string) {
	t.Helper()
	m.Shell(t, `pacman -S --noconfirm --noprogressbar `+name+`
[[ ! -e /usr/bin/foobar-etcd ]] || mount --bind /srv/mutate /usr/bin/foobar-etcd
mkdir -p /etc/ssl/certs
for file in `+resolvConf+` `+caBundle+`; do [[ -e $file ]] || { rm -f $file; touch $file; }; done`)
}

// compare reports the lines in which the unit's properties differ from the list.
func (l list) compare(t *testing.T, m *testbed.Machine) {
	t.Helper()
	got, err := l.changes(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if writes() {
		if err := os.WriteFile(l.path(), []byte(propertiesHead+strings.Join(got, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := committed(t, l.path())
	for _, line := range without(got, want) {
		t.Errorf("%s has %q, which %s does not have", l.unit, strings.TrimSpace(line), l.path())
	}
	for _, line := range without(want, got) {
		t.Errorf("%s does not have %q of %s", l.unit, strings.TrimSpace(line), l.path())
	}
}

// changes returns the lines that the list has to have.
func (l list) changes(t *testing.T, m *testbed.Machine) ([]string, error) {
	t.Helper()
	got, err := l.properties(t, m)
	if err != nil || l.addition == "" {
		return got, err
	}
	base := committed(t, list{unit: l.unit}.path())
	var changes []string
	for _, line := range without(base, got) {
		changes = append(changes, "- "+line)
	}
	for _, line := range without(got, base) {
		changes = append(changes, "+ "+line)
	}
	return changes, nil
}

// properties returns what test/tools/mutate prints of the unit. The settings of the list
// are printed even if the unit no longer has their directives, so that a directive that
// is the default, or implied by another, makes no difference.
func (l list) properties(t *testing.T, m *testbed.Machine) ([]string, error) {
	t.Helper()
	tables := loadTables(t)
	var calls []string
	for _, name := range comparedCalls {
		number, ok := tables.Number(runtime.GOARCH, name)
		if !ok {
			t.Fatalf("no system call %s", name)
		}
		calls = append(calls, fmt.Sprintf("%d=%s", number, name))
	}
	var settings []string
	if text, err := os.ReadFile(list{unit: l.unit}.path()); err == nil {
		for line := range strings.Lines(string(text)) {
			if setting, ok := strings.CutPrefix(line, "setting "); ok {
				name, _, _ := strings.Cut(setting, "=")
				settings = append(settings, strings.Replace(name, "USec", "Sec", 1))
			}
		}
	}
	r := m.Try("/srv/mutate", "-properties", "-subject", l.unit, fmt.Sprintf("-replaced=%v", l.replaced),
		"-settings", strings.Join(settings, ","), "-calls", strings.Join(calls, ","))
	if r.Code != 0 {
		return nil, fmt.Errorf("the properties of %s: %s", l.unit, r.Stderr)
	}
	return slices.Collect(strings.Lines(r.Stdout)), nil
}

func committed(t *testing.T, path string) []string {
	t.Helper()
	return slices.Collect(strings.Lines(strings.TrimPrefix(documents.Text(t, path), propertiesHead)))
}

// without returns the lines of a list that the other lacks.
func without(lines, other []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(other, line) })
}
