//go:build testbed

package booted

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"foobar/test/booted/sandbox"
	"foobar/test/booted/testbed"
	"foobar/test/documents"
	"foobar/test/tools/systrace/table"

	"golang.org/x/sys/unix"
)

const (
	sandboxDocument = "../../docs/sandbox.md"
	probeReport     = "/var/lib/private/foobar/probe.jsonl"
)

// writes reports whether tests write generated files instead of comparing them.
func writes() bool { return os.Getenv("FOOBAR_WRITE") != "" }

// withEtcd is the name of the column of foobar-etcd, to which the version of systemd
// is added.
const withEtcd = "foobar.service with foobar-etcd, "

// A survey collects what the probe finds in several sandboxes.
type survey struct {
	program string          // the probe
	free    *sandbox.Report // of a process without a filter
	mu      sync.Mutex
	columns map[string]sandbox.Column // by name
	allowed []string                  // names in the service's filter
	etcd    []string                  // further names in its filter with foobar-etcd
	missing []string                  // sandboxes that were not measured
}

// TestSandbox runs the probe in the place of the service. Only the attempts that
// test/booted/sandbox lists, with their reasons, succeed.
func TestSandbox(t *testing.T) {
	t.Parallel()
	s := newSurvey(t)
	t.Run("measure", func(t *testing.T) {
		for _, release := range testbed.Releases {
			t.Run("service/"+release, func(t *testing.T) {
				t.Parallel()
				s.service(t, release)
			})
			t.Run("article/"+release, func(t *testing.T) {
				t.Parallel()
				s.article(t, release)
			})
		}
		t.Run("container", func(t *testing.T) {
			t.Parallel()
			s.container(t)
		})
	})
	if !t.Failed() && len(s.columns) > 0 { // none if -run selects no subtest
		s.document(t)
	}
}

// newSurvey builds the probe, and runs it without a sandbox.
func newSurvey(t *testing.T) *survey {
	t.Helper()
	s := &survey{program: testbed.BuildStatic(t, "../tools/probe"), columns: map[string]sandbox.Column{}}
	s.free = s.unfiltered(t)
	return s
}

// unfiltered probes the system calls of a process without privileges and without
// a filter.
func (s *survey) unfiltered(t *testing.T) *sandbox.Report {
	t.Helper()
	program, err := os.Open(s.program)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	// By descriptor: the user nobody cannot enter the program's directory.
	cmd := exec.Command("/proc/self/fd/3", "-only", "syscalls")
	cmd.ExtraFiles = []*os.File{program}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the probe without a sandbox: %v", err)
	}
	return parse(t, string(out))
}

func parse(t *testing.T, lines string) *sandbox.Report {
	t.Helper()
	r, err := sandbox.Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// service probes the installed unit and checks the findings.
func (s *survey) service(t *testing.T, release string) {
	m := machines.Running(t, release)
	m.Exec(t, "systemctl", "stop", "foobar")
	m.CopyProgram(t, s.program, "/srv/probe")
	s.replaceBinary(t, m, "foobar.service")
	m.Exec(t, "systemctl", "start", "foobar")
	c := s.measure(t, m, "foobar.service, "+systemdVersion(t, m), sandbox.AllowedAttempts())
	for _, wrong := range slices.Concat(c.Report.CheckAttempts(sandbox.AllowedAttempts()), c.Report.CheckPaths(sandbox.AllowedPaths())) {
		t.Error(wrong)
	}
	if c.Exposure > "0.1" {
		t.Errorf("exposure is %s", c.Exposure)
	}
	allowed := s.checkSyscalls(t, m, "foobar.service", c)
	etcd := s.withEtcd(t, m, allowed)
	s.instance(t, m, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed, s.etcd = allowed, etcd
}

// withEtcd probes the unit with the drop-ins of foobar-etcd, which it removes again,
// and returns the system calls that its filter has in addition.
func (s *survey) withEtcd(t *testing.T, m *testbed.Machine, allowed []string) []string {
	t.Helper()
	m.Exec(t, "pacman", "-S", "--noconfirm", "--noprogressbar", "foobar-etcd")
	m.Shell(t, "rm "+probeReport+" /etc/systemd/system/foobar.service.d/50-test.conf; systemctl daemon-reload")
	s.replaceBinary(t, m, "foobar.service")
	m.Exec(t, "systemctl", "start", "foobar")
	c := s.measure(t, m, withEtcd+systemdVersion(t, m), sandbox.EtcdAttempts())
	for _, wrong := range slices.Concat(c.Report.CheckAttempts(sandbox.EtcdAttempts()), c.Report.CheckPaths(sandbox.EtcdPaths())) {
		t.Error("with foobar-etcd: ", wrong)
	}
	if c.Exposure != "0.8" {
		t.Errorf("exposure with foobar-etcd is %s, in docs/directives.md 0.8", c.Exposure)
	}
	all := s.checkSyscalls(t, m, "foobar.service", c)
	if len(all) != len(allowed)+3 {
		t.Errorf("with foobar-etcd %d system calls are allowed, want 3 more than %d", len(all), len(allowed))
	}
	m.Exec(t, "pacman", "-Rs", "--noconfirm", "--noprogressbar", "foobar-etcd")
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(allowed, name) })
}

// instance probes a second instance on the machine of the first. The findings are
// the same, under the instance's name.
func (s *survey) instance(t *testing.T, m *testbed.Machine, first sandbox.Column) {
	t.Helper()
	asWritten(t, m, documents.Scripts(t, instancesDoc)["Add one"])
	m.Exec(t, "systemctl", "stop", blue)
	s.replaceBinary(t, m, blue)
	m.Exec(t, "systemctl", "start", blue)
	found := parse(t, probed(t, m, strings.ReplaceAll(probeReport, "foobar", "foobar@blue")))
	found.Paths = slices.DeleteFunc(found.Paths, func(p sandbox.Path) bool { return isMountPointOfFirst(t, p) })
	c := s.column(t, "", found, m.HostPID(t, showUnit(t, m, blue, "MainPID")))
	if !slices.Equal(c.Through, first.Through) {
		t.Errorf("an instance is allowed the system calls %v, and the first %v", c.Through, first.Through)
	}
	for i := range found.Paths {
		found.Paths[i].Path = strings.ReplaceAll(found.Paths[i].Path, "foobar@blue", "foobar")
	}
	for _, wrong := range slices.Concat(found.CheckAttempts(sandbox.AllowedAttempts()), found.CheckPaths(sandbox.AllowedPaths())) {
		t.Error("an instance: ", wrong)
	}
	m.Exec(t, "systemctl", "stop", blue)
}

// isMountPointOfFirst reports whether a path in an instance is a mount point of the
// first, as both have the same root directory. It must be an empty directory.
func isMountPointOfFirst(t *testing.T, p sandbox.Path) bool {
	t.Helper()
	for _, mount := range []string{"/etc/foobar", "/var/lib/foobar", "/run/credentials/foobar.service"} {
		below, ok := strings.CutPrefix(p.Path, mount)
		if !ok || below != "" && below[0] != '/' {
			continue
		}
		if !p.Dir || p.Write || below != "" && below != "/credentials" {
			t.Errorf("an instance sees %s of the first", p.Path)
		}
		return true
	}
	return false
}

// replaceBinary binds the probe where the unit binds the service's binary, and
// checks that nothing else of the unit changes.
func (s *survey) replaceBinary(t *testing.T, m *testbed.Machine, unit string) {
	t.Helper()
	before := m.UnitProperties(t, unit)
	binds := regexp.MustCompile(`/usr/bin/foobar(-etcd)?:/bin/foobar`).ReplaceAllString(before["BindReadOnlyPaths"], "/srv/probe:/bin/foobar")
	dropIn(t, m, unit, "[Service]\nBindReadOnlyPaths=\nBindReadOnlyPaths="+binds+"\n")
	after := m.UnitProperties(t, unit)
	if after["BindReadOnlyPaths"] != binds || binds == before["BindReadOnlyPaths"] {
		t.Fatalf("BindReadOnlyPaths=%s, want %s", after["BindReadOnlyPaths"], binds)
	}
	for _, name := range []string{"BindReadOnlyPaths", "DropInPaths"} {
		delete(before, name)
		delete(after, name)
	}
	if !maps.Equal(before, after) {
		for name := range before {
			if before[name] != after[name] {
				t.Errorf("the drop-in changes %s from %q to %q", name, before[name], after[name])
			}
		}
	}
}

// measure waits for the probe that runs as foobar.service, and adds a column with the
// attempts that the service needs.
func (s *survey) measure(t *testing.T, m *testbed.Machine, name string, needed []sandbox.Entry) sandbox.Column {
	t.Helper()
	report := parse(t, probed(t, m, probeReport))
	c := s.column(t, name, report, m.HostPID(t, show(t, m, "MainPID")))
	c.Exposure, c.Needed = exposure(t, m), needed
	m.Exec(t, "systemctl", "stop", "foobar")
	s.add(c)
	return c
}

// probed waits until the probe has ended, and returns its report.
func probed(t *testing.T, m *testbed.Machine, path string) string {
	t.Helper()
	testbed.Eventually(t, 2*time.Minute, func() string {
		if m.Try("tail", "-n", "1", path).Stdout != `{"kind":"end"}`+"\n" {
			return "the probe has not ended"
		}
		return ""
	})
	return m.Read(t, path)
}

// column adds the filters of the probe's process, which must still run.
func (s *survey) column(t *testing.T, name string, report *sandbox.Report, pid int) sandbox.Column {
	t.Helper()
	filters, err := sandbox.ReadFilters(pid)
	if err != nil {
		t.Fatal(err)
	}
	through, err := report.LetThrough(s.free, filters)
	if err != nil {
		t.Error(err)
	}
	return sandbox.Column{Name: name, Report: report, Through: through}
}

func (s *survey) add(c sandbox.Column) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.columns[c.Name] = c
}

// systemdVersion returns the version of Debian's package without the revision.
func systemdVersion(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	version, _, _ := strings.Cut(m.Exec(t, "dpkg-query", "-W", "-f", "${Version}", "systemd"), "-")
	return "systemd " + version
}

// exposure returns the level of foobar.service in systemd-analyze security.
func exposure(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	return exposureOf(t, m, "foobar.service")
}

func exposureOf(t *testing.T, m *testbed.Machine, unit string) string {
	t.Helper()
	out := m.Exec(t, "systemd-analyze", "security", "--no-pager", unit)
	found := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze security says\n%s", out)
	}
	return found[1]
}

// checkSyscalls compares the calls that reach the kernel with the unit's list, and
// returns the list.
func (s *survey) checkSyscalls(t *testing.T, m *testbed.Machine, unit string, c sandbox.Column) []string {
	t.Helper()
	tables := loadTables(t)
	allowed := strings.Fields(showUnit(t, m, unit, "SystemCallFilter"))
	slices.Sort(allowed)
	var through, want []string
	for _, n := range c.Through {
		if !sandbox.Unfiltered()[n] {
			through = append(through, tables.Name(runtime.GOARCH, n))
		}
	}
	for _, name := range allowed {
		if _, ok := tables.Number(runtime.GOARCH, name); ok {
			want = append(want, name)
		}
	}
	slices.Sort(through)
	if !slices.Equal(through, want) {
		t.Errorf("allowed system calls:\n%s\nSystemCallFilter=:\n%s", through, want)
	}
	if len(through) >= 90 {
		t.Errorf("%d system calls are allowed, want fewer than 90", len(through))
	}
	return allowed
}

func loadTables(t *testing.T) *table.Tables {
	t.Helper()
	tables, err := table.Load()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// article probes the unit of the article that this project improves on, on a
// machine where nothing else is installed.
func (s *survey) article(t *testing.T, release string) {
	m := machines.Source(t, release)
	m.CopyProgram(t, s.program, "/usr/local/bin/foobar")
	m.Shell(t, `install -d /etc/certs /etc/foobar; touch /etc/certs/example.com{,-key}.pem /etc/foobar/conf.yaml`)
	m.Write(t, "/etc/systemd/system/foobar.service", documents.Text(t, "testdata/article.service"))
	m.Exec(t, "systemctl", "daemon-reload")
	m.Exec(t, "systemctl", "start", "foobar")
	c := s.measure(t, m, "the article's unit, "+systemdVersion(t, m), sandbox.AllowedAttempts())
	if len(c.Report.Succeeded()) < 20 {
		t.Errorf("only %d attempts succeed in the article's unit: the probe is broken", len(c.Report.Succeeded()))
	}
}

// container probes a container with podman's defaults, if podman can be had.
func (s *survey) container(t *testing.T) {
	if out, err := exec.Command("../machine", "needs", "podman", "runc").CombinedOutput(); err != nil {
		s.addMissing(fmt.Sprintf("A container is missing: podman cannot be installed (%v: %s).", err, out))
		return
	}
	c, err := sandbox.StartContainer(s.program, t.TempDir())
	t.Cleanup(c.Close)
	if err != nil {
		s.addMissing(fmt.Sprintf("A container is missing: podman cannot start one (%v).", err))
		return
	}
	var logs string
	testbed.Eventually(t, 2*time.Minute, func() string {
		if logs, err = c.Logs(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(logs, `{"kind":"end"}`+"\n") {
			return "the probe has not ended"
		}
		return ""
	})
	pid, err := c.PID()
	if err != nil {
		t.Fatal(err)
	}
	column := s.column(t, "a container", parse(t, logs), pid)
	column.Exposure, column.Needed = "–", sandbox.AllowedAttempts()
	s.add(column)
}

func (s *survey) addMissing(sentence string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = append(s.missing, sentence)
}

// document compares docs/sandbox.md with the findings, or writes it. The part
// that depends on the host's kernel is not compared.
func (s *survey) document(t *testing.T) {
	t.Helper()
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		t.Fatal(err)
	}
	tables := loadTables(t)
	release, _, _ := strings.Cut(unix.ByteSliceToString(uname.Release[:]), "-")
	d := &sandbox.Document{
		Service: s.allowed, Etcd: s.etcd, Kernel: release, Known: len(s.free.Known()), Missing: s.missing,
		Name: func(n int) string { return tables.Name(runtime.GOARCH, n) },
	}
	// In this order: foobar.service, without and with foobar-etcd, the article's unit,
	// a container.
	for _, first := range []string{"foobar.service,", withEtcd, "the", "a "} {
		for _, name := range slices.Sorted(maps.Keys(s.columns)) {
			if strings.HasPrefix(name, first) {
				d.Columns = append(d.Columns, s.columns[name])
			}
		}
	}
	// The sections of the walks stay as they are.
	render := func(old string) string {
		d.Copies = nil
		for _, c := range copies() {
			d.Copies = append(d.Copies, sandbox.Section(old, c.Heading))
		}
		return d.String()
	}
	if writes() {
		writeSandboxDocument(t, render)
		return
	}
	text := documents.Text(t, sandboxDocument)
	committed, _, _ := strings.Cut(text, sandbox.Volatile)
	measured, _, _ := strings.Cut(render(text), sandbox.Volatile)
	if committed != measured {
		t.Errorf("%s does not agree with the findings; with FOOBAR_WRITE=1 this test writes\n%s", sandboxDocument, measured)
	}
}

// writeSandboxDocument changes docs/sandbox.md, which several tests write.
func writeSandboxDocument(t *testing.T, change func(old string) string) {
	t.Helper()
	file, err := os.OpenFile(sandboxDocument, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	old, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte(change(string(old))), 0); err != nil {
		t.Fatal(err)
	}
}
