//go:build testbed && measure

package booted

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/directives"
	"foobar/test/documents"
)

// measuredUnits are the subjects of test/tools/mutate, in the order of the file.
// Those whose program may run without a sandbox have a bare unit.
var measuredUnits = []struct {
	name string
	bare bool
}{
	{"foobar.service", true},
	{"the article's unit", true},
	{"foobar-credentials.service", false},
	{"foobar-credentials-check@.service", false},
	{"foobar-credentials-reload.service", false},
	{"foobar-sockets-reopen.service", false},
}

// TestMeasureDirectives writes the measurements from which docs/directives.md
// is made: on machines for each unit, it has test/tools/mutate start the unit
// without each directive, and a bare unit with each. FOOBAR_ONLY names the
// directives to measure, separated by commas, if they are not all.
func TestMeasureDirectives(t *testing.T) {
	probe, mutate := testbed.BuildStatic(t, "../tools/probe"), testbed.BuildStatic(t, "../tools/mutate")
	var found sync.Map // lines by the name of the subtest
	t.Run("units", func(t *testing.T) {
		eachMeasurement(func(unit, change string) {
			// Two machines for each: most of the time is waiting.
			for part := range 2 {
				name := fmt.Sprintf("%s/%s/%d", unit, change, part)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					found.Store(name, measureUnit(t, unit, change, part, probe, mutate))
				})
			}
		})
	})
	var all strings.Builder
	eachMeasurement(func(unit, change string) {
		first, ok := found.Load(unit + "/" + change + "/0")
		second, both := found.Load(unit + "/" + change + "/1")
		lines := committedMeasurements(t, unit, change)
		if ok && both { // or -run has not selected them, or one has failed
			lines = merged(t, lines, first.(string), second.(string))
		}
		all.WriteString(lines)
	})
	if err := os.WriteFile("../../"+directives.Measured, []byte(all.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func eachMeasurement(do func(unit, change string)) {
	for _, unit := range measuredUnits {
		do(unit.name, "without")
		if unit.bare {
			do(unit.name, "alone")
		}
	}
}

// merged returns the lines of both parts of new measurements, and of old ones
// whose directives FOOBAR_ONLY leaves out.
func merged(t *testing.T, old, first, second string) string {
	t.Helper()
	lines := first
	for line := range strings.Lines(second) {
		if measurement(t, line).Directive != "" { // the first part has the whole unit
			lines += line
		}
	}
	only := os.Getenv("FOOBAR_ONLY")
	for line := range strings.Lines(old) {
		if name := measurement(t, line).Directive; only != "" && name != "" && !slices.Contains(strings.Split(only, ","), name) {
			lines += line
		}
	}
	return lines
}

func measurement(t *testing.T, line string) directives.Measurement {
	t.Helper()
	var m directives.Measurement
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// measureUnit returns measurements of one unit on a machine of its own.
func measureUnit(t *testing.T, unit, change string, part int, probe, mutate string) string {
	t.Helper()
	m := machines.Running(t, "forky")
	m.CopyProgram(t, probe, "/srv/probe")
	m.CopyProgram(t, mutate, "/srv/mutate")
	m.Write(t, "/srv/article.service", documents.Text(t, "testdata/article.service"))
	m.Exec(t, "systemd-run", "-q", "--unit=mutate", "-p", "RemainAfterExit=yes", "-p", "StandardOutput=truncate:/srv/measured", "-p", "StandardError=truncate:/srv/progress",
		"/srv/mutate", "-subject", unit, "-change", change, "-part", strconv.Itoa(part), "-only", os.Getenv("FOOBAR_ONLY"), "-calls", systemCalls(t))
	testbed.Eventually(t, time.Hour, func() string {
		r := m.Try("bash", "-c", `for i in {1..20}; do case $(systemctl show --value -p SubState mutate) in exited | failed) exit ;; esac; sleep 1; done; exit 1`)
		if r.Code != 0 {
			return "it runs: " + m.Try("tail", "-n", "1", "/srv/progress").Stdout
		}
		return ""
	})
	if r := m.Try("systemctl", "is-active", "mutate"); r.Code != 0 {
		t.Fatalf("mutate is %s%s", r.Stdout, m.Read(t, "/srv/progress"))
	}
	return m.Read(t, "/srv/measured")
}

// systemCalls returns the names that test/tools/mutate gives to system calls.
func systemCalls(t *testing.T) string {
	t.Helper()
	tables := loadTables(t)
	var all []string
	for n := range 600 {
		if name := tables.Name(runtime.GOARCH, n); name != strconv.Itoa(n) {
			all = append(all, fmt.Sprintf("%d=%s", n, name))
		}
	}
	return strings.Join(all, ",")
}

// committedMeasurements returns the lines of a unit in the file: those of the
// unit without something, or those of its bare unit.
func committedMeasurements(t *testing.T, unit, change string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + directives.Measured)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		m := measurement(t, line)
		if m.Subject == unit && (m.Change == "" || m.Change == "without") == (change == "without") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
