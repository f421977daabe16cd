//go:build testbed

package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// HostPID returns the number on the host of the machine's process inner.
func (m *Machine) HostPID(t testing.TB, inner string) int {
	t.Helper()
	leader, err := m.leader()
	if err != nil {
		t.Fatal(err)
	}
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

// UnitProperties returns all properties of a unit but those of its last run.
// The words of a value are sorted.
func (m *Machine) UnitProperties(t testing.TB, unit string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(m.Exec(t, "systemctl", "show", unit)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if strings.Contains(name, "Timestamp") {
			continue
		}
		value, _, _ = strings.Cut(value, " ; start_time=")
		words := strings.Fields(value)
		slices.Sort(words)
		all[name] = strings.Join(words, " ")
	}
	return all
}

// report returns the status and the journal of the service's units.
func (m *Machine) report() string {
	var b strings.Builder
	for _, args := range [][]string{
		{"systemctl", "--no-pager", "--no-legend", "list-units", "--all", "foobar*"},
		{"journalctl", "--no-pager", "-b", "-n", "40", "-u", "foobar*"},
	} {
		r := m.Try(args...)
		fmt.Fprintf(&b, "$ %s\n%s%s\n", strings.Join(args, " "), r.Stdout, r.Stderr)
	}
	return b.String()
}
