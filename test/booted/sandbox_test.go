//go:build testbed

package booted

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
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

// writes says whether generated files are to be written, not only compared.
func writes() bool { return os.Getenv("FOOBAR_WRITE") != "" }

// A survey collects what the probe found in several sandboxes.
type survey struct {
	program string // the probe
	free    *sandbox.Report
	mu      sync.Mutex
	columns map[string]sandbox.Column
	allowed []string // names in the service's filter
	missing []string
}

// Nothing that an intruder tries from inside the service succeeds beyond what
// is listed, with reasons, in test/booted/sandbox.
func TestSandbox(t *testing.T) {
	t.Parallel()
	s := &survey{program: buildStatic(t, "../tools/probe"), columns: map[string]sandbox.Column{}}
	s.free = s.unfiltered(t)
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
	if !t.Failed() {
		s.document(t)
	}
}

// buildStatic builds a program that runs where there is no libc.
func buildStatic(t *testing.T, path string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", path, err, out)
	}
	return program
}

// unfiltered is what a process without privileges, and without any filter,
// gets of the kernel.
func (s *survey) unfiltered(t *testing.T) *sandbox.Report {
	t.Helper()
	program, err := os.Open(s.program)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	// The directory of the program is closed to nobody.
	cmd := exec.Command("/proc/self/fd/3", "-syscalls")
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

// service probes the installed unit and judges what was found.
func (s *survey) service(t *testing.T, release string) {
	m := machines.Running(t, release)
	m.Exec(t, "systemctl", "stop", "foobar")
	copyIn(t, m, s.program, "/srv/probe")
	s.replaceBinary(t, m, "foobar.service")
	m.Exec(t, "systemctl", "start", "foobar")
	c := s.measure(t, m, "foobar.service, "+version(t, m))
	for _, wrong := range slices.Concat(c.Report.JudgeAttempts(sandbox.AllowedAttempts()), c.Report.JudgePaths(sandbox.AllowedPaths())) {
		t.Error(wrong)
	}
	if c.Exposure > "0.1" {
		t.Errorf("exposure is %s", c.Exposure)
	}
	s.judgeSyscalls(t, m, c)
	s.instance(t, m, c)
}

// instance probes another instance on the machine of the first, which finds
// the same, under the instance's name.
func (s *survey) instance(t *testing.T, m *testbed.Machine, first sandbox.Column) {
	t.Helper()
	asWritten(t, m, documents.Scripts(t, instancesDoc)["Add one"])
	m.Exec(t, "systemctl", "stop", blue)
	s.replaceBinary(t, m, blue)
	m.Exec(t, "systemctl", "start", blue)
	found := parse(t, probed(t, m, strings.ReplaceAll(probeReport, "foobar", "foobar@blue")))
	found.Paths = slices.DeleteFunc(found.Paths, func(p sandbox.Path) bool { return isMountPointOfFirst(t, p) })
	c := s.column(t, "", found, hostPID(t, m, showUnit(t, m, blue, "MainPID")))
	if !slices.Equal(c.Through, first.Through) {
		t.Errorf("of an instance other calls are let through: %v, of the first %v", c.Through, first.Through)
	}
	for i := range found.Paths {
		found.Paths[i].Path = strings.ReplaceAll(found.Paths[i].Path, "foobar@blue", "foobar")
	}
	for _, wrong := range slices.Concat(found.JudgeAttempts(sandbox.AllowedAttempts()), found.JudgePaths(sandbox.AllowedPaths())) {
		t.Error("an instance: ", wrong)
	}
	m.Exec(t, "systemctl", "stop", blue)
}

// isMountPointOfFirst says whether a path in an instance is where the first has
// a mount, in the root directory that both have. It must be an empty directory.
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

// copyIn installs a program of the host's in a machine.
func copyIn(t *testing.T, m *testbed.Machine, program, path string) {
	t.Helper()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	m.Must(t, testbed.Command{Stdin: string(content), Args: []string{"bash", "-euc", `mkdir -p "$(dirname "$1")"; cat >"$1"; chmod 755 "$1"`, "install", path}})
}

// replaceBinary binds the probe where the unit binds the service's binary, and
// makes sure that this is all that changes.
func (s *survey) replaceBinary(t *testing.T, m *testbed.Machine, unit string) {
	t.Helper()
	before := unitProperties(t, m, unit)
	binds := strings.Replace(before["BindReadOnlyPaths"], "/usr/bin/foobar:/bin/foobar", "/srv/probe:/bin/foobar", 1)
	dropIn(t, m, unit, "[Service]\nBindReadOnlyPaths=\nBindReadOnlyPaths="+binds+"\n")
	after := unitProperties(t, m, unit)
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

// unitProperties are all properties of a unit, without those of its last run.
func unitProperties(t *testing.T, m *testbed.Machine, unit string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(m.Exec(t, "systemctl", "show", unit)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if strings.Contains(name, "Timestamp") {
			continue
		}
		// When it last ran does not matter, nor does the order of names.
		value, _, _ = strings.Cut(value, " ; start_time=")
		words := strings.Fields(value)
		slices.Sort(words)
		all[name] = strings.Join(words, " ")
	}
	return all
}

// measure waits for the probe that runs as foobar.service, and takes stock.
func (s *survey) measure(t *testing.T, m *testbed.Machine, name string) sandbox.Column {
	t.Helper()
	report := parse(t, probed(t, m, probeReport))
	c := s.column(t, name, report, hostPID(t, m, show(t, m, "MainPID")))
	c.Exposure = exposure(t, m)
	m.Exec(t, "systemctl", "stop", "foobar")
	s.add(c)
	return c
}

// probed returns what the probe has written once it has ended.
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

// column adds what only the probe's process tells while it is there.
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

func version(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	return strings.Join(strings.Fields(m.Exec(t, "systemctl", "--version"))[:2], " ")
}

func exposure(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	out := m.Exec(t, "systemd-analyze", "security", "--no-pager", "foobar.service")
	found := regexp.MustCompile(`exposure level for foobar.service: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze security says\n%s", out)
	}
	return found[1]
}

// hostPID finds a machine's process by the number that it has in the machine.
func hostPID(t *testing.T, m *testbed.Machine, inner string) int {
	t.Helper()
	leader := strings.TrimSpace(documents.Text(t, filepath.Join(m.Dir, "leader")))
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range statuses {
		numbers := strings.Fields(statusField(path, "NSpid"))
		if len(numbers) < 2 || numbers[1] != inner || !descends(numbers[0], leader) {
			continue
		}
		pid, err := strconv.Atoi(numbers[0])
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatalf("no process %s below %s", inner, leader)
	return 0
}

func descends(pid, ancestor string) bool {
	for pid != "" && pid != "0" && pid != ancestor {
		pid = statusField("/proc/"+pid+"/status", "PPid")
	}
	return pid == ancestor
}

// statusField returns a field of proc_pid_status(5), "" if the process is gone.
func statusField(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// judgeSyscalls compares the calls that reach the kernel with the unit's list.
func (s *survey) judgeSyscalls(t *testing.T, m *testbed.Machine, c sandbox.Column) {
	t.Helper()
	tables := loadTables(t)
	allowed := strings.Fields(show(t, m, "SystemCallFilter"))
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
		t.Errorf("system calls let through:\n%s\nin SystemCallFilter=:\n%s", through, want)
	}
	if len(through) >= 90 {
		t.Errorf("%d system calls are let through", len(through))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = allowed
}

func loadTables(t *testing.T) *table.Tables {
	t.Helper()
	tables, err := table.Load()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// article probes the unit that this one began as, on a machine where nothing
// else is installed.
func (s *survey) article(t *testing.T, release string) {
	m := machines.Source(t, release)
	copyIn(t, m, s.program, "/usr/local/bin/foobar")
	m.Shell(t, `install -d /etc/certs /etc/foobar; touch /etc/certs/example.com{,-key}.pem /etc/foobar/conf.yaml`)
	m.Write(t, "/etc/systemd/system/foobar.service", documents.Text(t, "testdata/article.service"))
	m.Exec(t, "systemctl", "daemon-reload")
	m.Exec(t, "systemctl", "start", "foobar")
	c := s.measure(t, m, "the article's unit, "+version(t, m))
	if len(c.Report.Succeeded()) < 20 {
		t.Errorf("only %d attempts succeed: is the probe at fault?", len(c.Report.Succeeded()))
	}
}

// container probes podman's defaults.
func (s *survey) container(t *testing.T) {
	if err := podman(); err != nil {
		s.lacks(fmt.Sprintf("A container is not among them: %v.", err))
		return
	}
	root, image, name := t.TempDir(), "foobar-probe", fmt.Sprintf("foobar-probe-%d", os.Getpid())
	command(t, "bash", "-euc", `cd "$1"; mkdir -p bin etc/foobar var/lib/foobar; cp "$2" bin/foobar; touch etc/foobar/conf.yaml
chmod 755 . bin bin/foobar; tar -cf - . | podman import -q - "$3"`, "image", root, s.program, image)
	t.Cleanup(func() { exec.Command("podman", "rmi", "-f", image).Run() })
	// On a host with both control group hierarchies the limits that podman
	// takes over, and a network of its own, do not work.
	started := exec.Command("podman", "run", "-d", "--name", name, "--runtime", "runc",
		"--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000", "--network", "host", image, "/bin/foobar")
	if out, err := started.CombinedOutput(); err != nil {
		s.lacks(fmt.Sprintf("A container is not among them: podman cannot start one here (%v: %s).", err, strings.TrimSpace(string(out))))
		return
	}
	t.Cleanup(func() { exec.Command("podman", "rm", "-f", "-t", "1", name).Run() })
	var logs string
	testbed.Eventually(t, 2*time.Minute, func() string {
		if logs = command(t, "podman", "logs", name); !strings.HasSuffix(logs, `{"kind":"end"}`+"\n") {
			return "the probe has not ended"
		}
		return ""
	})
	pid, err := strconv.Atoi(strings.TrimSpace(command(t, "podman", "inspect", "-f", "{{.State.Pid}}", name)))
	if err != nil {
		t.Fatal(err)
	}
	c := s.column(t, "a container", parse(t, logs), pid)
	c.Exposure = "–"
	s.add(c)
}

// podman installs podman unless it is there.
func podman() error {
	out, err := exec.Command("../machine", "needs", "podman", "runc").CombinedOutput()
	if err != nil {
		return fmt.Errorf("podman cannot be installed: %w: %s", err, out)
	}
	return nil
}

func (s *survey) lacks(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = append(s.missing, what)
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// document compares docs/sandbox.md with what was found, or writes it. What
// depends on the kernel that it is tried on is not compared.
func (s *survey) document(t *testing.T) {
	t.Helper()
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		t.Fatal(err)
	}
	tables := loadTables(t)
	release, _, _ := strings.Cut(unix.ByteSliceToString(uname.Release[:]), "-")
	d := &sandbox.Document{
		Service: s.allowed, Kernel: release, Known: len(s.free.Known()), Missing: s.missing,
		Name: func(n int) string { return tables.Name(runtime.GOARCH, n) },
	}
	// "foobar…" and "the article…" come in this order, and a container last.
	for _, first := range []string{"foobar", "the", "a "} {
		for _, name := range slices.Sorted(maps.Keys(s.columns)) {
			if strings.HasPrefix(name, first) {
				d.Columns = append(d.Columns, s.columns[name])
			}
		}
	}
	text := d.String()
	if writes() {
		if err := os.WriteFile(sandboxDocument, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, _, _ := strings.Cut(documents.Text(t, sandboxDocument), sandbox.Volatile)
	measured, _, _ := strings.Cut(text, sandbox.Volatile)
	if committed != measured {
		t.Errorf("%s is not what was found, which is\n%s", sandboxDocument, measured)
	}
}
