//go:build testbed

package booted

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const propertiesFile = "sandbox/properties.txt"

// TestProcessProperties compares the properties of the running process with the committed
// list. They show the effect of settings that no attempt of the probe shows. With
// FOOBAR_WRITE=1 it writes the list.
func TestProcessProperties(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		got := processProperties(t, m)
		if writes() {
			if err := os.WriteFile(propertiesFile, []byte(propertiesHead+got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want := strings.TrimPrefix(documents.Text(t, propertiesFile), propertiesHead)
		for line := range strings.Lines(got) {
			if !strings.Contains(want, line) {
				t.Errorf("the process has %q, which %s does not have", strings.TrimSpace(line), propertiesFile)
			}
		}
		for line := range strings.Lines(want) {
			if !strings.Contains(got, line) {
				t.Errorf("the process does not have %q of %s", strings.TrimSpace(line), propertiesFile)
			}
		}
	})
}

const propertiesHead = `# The properties of the running service's process, compared and written by
# TestProcessProperties: environment, limits, credentials, namespaces, mounts.
`

func processProperties(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	pid := m.HostPID(t, show(t, m, "MainPID"))
	proc := fmt.Sprintf("/proc/%d/", pid)
	leader := "/proc/" + strings.TrimSpace(documents.Text(t, filepath.Join(m.Dir, "leader"))) + "/"
	lines := slices.Concat(environment(t, proc), limits(t, proc), status(t, proc), namespaces(t, proc, leader), mounts(t, proc))
	return strings.Join(lines, "\n") + "\n"
}

// environment returns the names of variables, and the values of those that name
// what the service is to watch.
func environment(t *testing.T, proc string) []string {
	t.Helper()
	var found []string
	for _, variable := range strings.Split(strings.Trim(documents.Text(t, proc+"environ"), "\x00"), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		if strings.Contains(name, "PRESSURE") {
			name += "=" + value
		}
		found = append(found, "environment "+name)
	}
	slices.Sort(found)
	return found
}

// limits returns the limits that the unit sets.
func limits(t *testing.T, proc string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(documents.Text(t, proc+"limits")) {
		for _, name := range []string{"Max core file size", "Max realtime priority"} {
			if strings.HasPrefix(line, name) {
				found = append(found, "limit "+strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return found
}

// status returns fields of proc_pid_status(5).
func status(t *testing.T, proc string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(documents.Text(t, proc+"status")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "Groups": // numbers that are chosen at the start
			found = append(found, fmt.Sprintf("status Groups: %d", len(strings.Fields(value))))
		case name == "Umask", name == "NoNewPrivs", name == "Seccomp", strings.HasPrefix(name, "Cap"):
			found = append(found, "status "+name+": "+strings.TrimSpace(value))
		}
	}
	return found
}

// namespaces returns which namespaces are not those of the machine.
func namespaces(t *testing.T, proc, leader string) []string {
	t.Helper()
	var found []string
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		ours, err := os.Readlink(proc + "ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		machines, err := os.Readlink(leader + "ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		whose := "own"
		if ours == machines {
			whose = "of the machine"
		}
		found = append(found, "namespace "+name+" "+whose)
	}
	return found
}

var processNumber = regexp.MustCompile(`^/proc/\d+`)

// mounts returns the mount points with their flags, without the times of access,
// which are the file system's.
func mounts(t *testing.T, proc string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(documents.Text(t, proc+"mountinfo")) {
		fields := strings.Fields(line) // proc_pid_mountinfo(5)
		var flags []string
		for _, flag := range strings.Split(fields[5], ",") {
			if !strings.HasSuffix(flag, "atime") && !strings.HasPrefix(flag, "idmapped") {
				flags = append(flags, flag)
			}
		}
		found = append(found, "mount "+processNumber.ReplaceAllString(fields[4], "/proc/PID")+" "+strings.Join(flags, ","))
	}
	slices.Sort(found)
	return slices.Compact(found)
}
