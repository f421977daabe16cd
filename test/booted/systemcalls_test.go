//go:build testbed

package booted

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/directives"
	"foobar/test/documents"
)

const (
	exceptionsFile = "../tools/systrace/exceptions.txt"
	opensFile      = "../tools/systrace/opens.txt"
	directivesFile = "../../docs/directives.md"
)

// learns reports whether test/learn-systemcalls runs the test: the service has no
// filter then, and the change of its list is shown.
func learns() bool { return os.Getenv("FOOBAR_LEARN") != "" }

// A madeCall is one line of test/tools/systrace.
type madeCall struct {
	Program string // if several are traced
	Name    string
	Count   int
	Errors  map[string]int
}

// A tracedUnit is a unit whose list of system calls is measured: those of the processes
// whose command line begins with program, and of the processes that these start.
type tracedUnit struct {
	unit, program string
	groups        bool // whether the list has groups of systemd.exec(5)
}

// A life has some units do all that they do, on one machine.
type life struct {
	units []tracedUnit
	live  func(*testing.T, *testbed.Machine)
}

// TestSystemCalls compares the system calls that the service makes with those that its
// unit allows. It finds a call that a new release of Go or of a module adds. With
// FOOBAR_WRITE=1 it writes the unit's list.
func TestSystemCalls(t *testing.T) {
	t.Parallel()
	service := life{[]tracedUnit{{"foobar.service", "/bin/foobar -config", false}}, runLifecycle}
	t.Run("foobar.service", func(t *testing.T) {
		t.Parallel()
		service.measure(t)
	})
}

func (l life) measure(t *testing.T) {
	t.Helper()
	var mu sync.Mutex
	made, groups := map[string]map[string]bool{}, map[string]map[string]bool{} // names of calls, by unit and by group
	t.Run("trace", func(t *testing.T) {
		for _, release := range testbed.Releases {
			t.Run(release, func(t *testing.T) {
				t.Parallel()
				m := machines.Installed(t, release)
				calls := l.trace(t, m)
				mu.Lock()
				defer mu.Unlock()
				addCalls(made, calls)
				addCalls(groups, callGroups(t, m))
			})
		}
	})
	if t.Failed() || len(made) == 0 { // none if -run selects no subtest
		return
	}
	for _, u := range l.units {
		if u.groups {
			u.compareGroups(t, made[u.unit], groups)
			continue
		}
		u.compare(t, made[u.unit])
	}
}

func addCalls(to map[string]map[string]bool, calls map[string][]string) {
	for key, names := range calls {
		if to[key] == nil {
			to[key] = map[string]bool{}
		}
		for _, name := range names {
			to[key][name] = true
		}
	}
}

// compare compares the calls that were made with the unit's list, or writes it.
func (u tracedUnit) compare(t *testing.T, made map[string]bool) {
	t.Helper()
	deny, keep := exceptions(t, u.unit)
	for name := range deny {
		if !made[name] && u.unit == "foobar.service" && !learns() {
			t.Errorf("%s: %s is not made any more", exceptionsFile, name)
		}
		delete(made, name)
	}
	for name := range keep {
		made[name] = true
	}
	elsewhere, err := directives.ReadDropInFilters(unitPath(u.unit))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range elsewhere {
		delete(made, name)
	}
	want := slices.Sorted(maps.Keys(made))
	got, err := directives.ReadFilter(unitPath(u.unit))
	if err != nil {
		t.Fatal(err)
	}
	change, err := directives.DescribeChange(opensFile, got, want)
	switch {
	case err != nil:
		t.Fatal(err)
	case learns():
		t.Logf("SystemCallFilter= of %s, from %d to %d calls:\n%s", u.unit, len(got), len(want), change)
	case !slices.Equal(got, want) && !writes():
		t.Errorf("SystemCallFilter= of %s is not what the service needs; test/learn-systemcalls --write writes\n%s", u.unit, change)
	}
	if writes() || os.Getenv("FOOBAR_LEARN") == "write" {
		writeFilters(t, u.unit, want)
		writeDirectives(t)
	}
}

// trace traces the processes of the units on a machine, and returns the calls that they
// made, by unit.
func (l life) trace(t *testing.T, m *testbed.Machine) map[string][]string {
	t.Helper()
	var programs []string
	for _, u := range l.units {
		programs = append(programs, u.program)
		if writes() || learns() {
			dropIn(t, m, u.unit, "[Service]\nSystemCallFilter=\n")
		}
	}
	output := filepath.Join(t.TempDir(), "calls.json")
	stop := startTracer(t, strings.TrimSpace(documents.Text(t, filepath.Join(m.Dir, "leader"))), programs, output)
	l.live(t, m)
	stop()
	var calls []madeCall
	if err := json.Unmarshal([]byte(documents.Text(t, output)), &calls); err != nil {
		t.Fatal(err)
	}
	made := map[string][]string{}
	for _, u := range l.units {
		made[u.unit] = u.calls(t, calls, len(programs) > 1)
		if len(made[u.unit]) == 0 {
			t.Errorf("no process with the command line %q was seen", u.program)
		}
	}
	return made
}

// calls returns the names of the unit's calls of several programs, or of one.
func (u tracedUnit) calls(t *testing.T, calls []madeCall, several bool) []string {
	t.Helper()
	deny, _ := exceptions(t, u.unit)
	var names []string
	for _, c := range calls {
		if several && c.Program != u.program {
			continue
		}
		names = append(names, c.Name)
		// epoll_ctl(2) returns EPERM for regular files, and rt_sigreturn(2) may leave
		// that value in the register of results.
		if n := c.Errors["EPERM"]; n > 0 && deny[c.Name] == "" && c.Name != "epoll_ctl" && c.Name != "rt_sigreturn" {
			t.Errorf("%s: %s was denied %d times", u.unit, c.Name, n)
		}
	}
	return names
}

// startTracer traces every process that starts in a machine, until stop is called.
func startTracer(t *testing.T, leader string, programs []string, output string) (stop func()) {
	t.Helper()
	tracer := filepath.Join(t.TempDir(), "systrace")
	testbed.HostCommand(t, "go", "build", "-o", tracer, "../tools/systrace")
	args := []string{"-json", "-o", output, "-p", leader}
	for _, program := range programs {
		args = append(args, "-program", program)
	}
	cmd := exec.Command(tracer, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || lines.Text() != "following" {
		t.Fatalf("the tracer says %q", lines.Text())
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the tracer: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// runLifecycle takes the service through all that happens between installation and
// removal.
func runLifecycle(t *testing.T, m *testbed.Machine) {
	t.Helper()
	m.Exec(t, "systemctl", "enable", "--now", "foobar")
	s := connect(t, m)
	s.sendTraffic(t)
	s.reloadConfiguration(t)
	s.crashService(t)
	s.failDisk(t)
	s.stopUnderLoad(t)
	s.Exec(t, "systemctl", "start", "foobar")
	s.awaitReady(t)
	s.Exec(t, "systemctl", "stop", "foobar")
}

// reloadConfiguration reloads right and wrong configurations.
func (s *service) reloadConfiguration(t *testing.T) {
	t.Helper()
	s.Exec(t, "systemctl", "reload", "foobar")
	s.Write(t, confFile, "limits:\n  connections: -1\n")
	s.Try("systemctl", "reload", "foobar")
	s.Write(t, confFile, "log:\n  level: debug\n")
	s.Exec(t, "systemctl", "reload", "foobar")
	s.awaitReady(t)
	s.Exec(t, "systemctl", "restart", "foobar")
	s.awaitReady(t)
}

// crashService ends the service as the watchdog, the kernel and an administrator do.
func (s *service) crashService(t *testing.T) {
	t.Helper()
	for _, signal := range []string{"ABRT", "KILL", "QUIT", "SEGV"} {
		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", signal, "foobar")
		s.awaitReady(t)
	}
	s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "foobar")
	testbed.Eventually(t, 5*time.Second, func() string {
		status := s.Read(t, "/proc/"+show(t, s.Machine, "MainPID")+"/status")
		// The tracer makes "t (tracing stop)" of "T (stopped)".
		if !strings.Contains(strings.ToLower(status), "\nstate:\tt ") {
			return "the service is not stopped"
		}
		return ""
	})
	s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "CONT", "foobar")
	s.awaitReady(t)
}

// stopUnderLoad stops the service while clients send requests.
func (s *service) stopUnderLoad(t *testing.T) {
	t.Helper()
	s.awaitReady(t)
	var conns sync.WaitGroup
	var responses atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 5 {
		conns.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, "GET", baseURL, nil)
				if err != nil {
					return
				}
				resp, err := s.client.Do(req)
				if err != nil {
					return // the service has gone
				}
				resp.Body.Close()
				responses.Add(1)
			}
		})
	}
	testbed.Eventually(t, 10*time.Second, func() string {
		if n := responses.Load(); n < 50 {
			return fmt.Sprintf("%d responses", n)
		}
		return ""
	})
	s.Exec(t, "systemctl", "stop", "foobar")
	cancel()
	conns.Wait()
}

// exceptions returns the calls that a unit denies, or keeps, with the reasons.
func exceptions(t *testing.T, unit string) (deny, keep map[string]string) {
	t.Helper()
	deny, keep = map[string]string{}, map[string]string{}
	for _, line := range documents.Lines(t, exceptionsFile) {
		fields := strings.SplitN(line, " ", 3)
		switch {
		case strings.HasPrefix(line, "#") || line == "":
		case len(fields) != 3:
			t.Fatalf("%s: %q", exceptionsFile, line)
		case fields[0] == "deny":
			deny[fields[1]] = fields[2]
		case fields[0] == "keep", fields[0] == "keep-service" && unit == "foobar.service":
			keep[fields[1]] = fields[2]
		case fields[0] != "keep-service":
			t.Fatalf("%s: %q", exceptionsFile, line)
		}
	}
	return deny, keep
}

// writeFilters replaces the lists of a unit and of its template.
func writeFilters(t *testing.T, unit string, names []string) {
	t.Helper()
	paths := []string{unitPath(unit)}
	if template := unitPath(strings.Replace(unit, ".", "@.", 1)); !strings.Contains(unit, "@") {
		paths = append(paths, template)
	}
	for _, path := range paths {
		if err := directives.WriteFilter(path, names); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d system calls are written to %s", len(names), unit)
}

// writeDirectives writes docs/directives.md, which has the lists too.
func writeDirectives(t *testing.T) {
	t.Helper()
	document, err := directives.Document("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(directivesFile, []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unitPath(unit string) string { return "../../systemd/" + unit }
