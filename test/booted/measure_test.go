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
		for _, unit := range measuredUnits {
			for _, change := range []string{"without", "alone"} {
				if change == "alone" && !unit.bare {
					continue
				}
				t.Run(unit.name+"/"+change, func(t *testing.T) {
					t.Parallel()
					found.Store(unit.name+"/"+change, measureUnit(t, unit.name, change, probe, mutate))
				})
			}
		}
	})
	var all strings.Builder
	for _, unit := range measuredUnits {
		for _, change := range []string{"without", "alone"} {
			old := committedMeasurements(t, unit.name, change)
			lines, ok := found.Load(unit.name + "/" + change)
			if !ok { // -run has not selected it, or it has failed
				all.WriteString(old)
				continue
			}
			all.WriteString(merged(t, old, lines.(string)))
		}
	}
	if err := os.WriteFile("../../"+directives.Measured, []byte(all.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// merged returns the lines of new measurements, and of old ones whose directives
// FOOBAR_ONLY leaves out.
func merged(t *testing.T, old, found string) string {
	t.Helper()
	only := os.Getenv("FOOBAR_ONLY")
	if only == "" {
		return found
	}
	lines := found
	for line := range strings.Lines(old) {
		var m directives.Measurement
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.Directive != "" && !slices.Contains(strings.Split(only, ","), m.Directive) {
			lines += line
		}
	}
	return lines
}

// measureUnit returns measurements of one unit on a machine of its own.
func measureUnit(t *testing.T, unit, change, probe, mutate string) string {
	t.Helper()
	m := machines.Running(t, "forky")
	m.CopyProgram(t, probe, "/srv/probe")
	m.CopyProgram(t, mutate, "/srv/mutate")
	m.Write(t, "/srv/article.service", documents.Text(t, "testdata/article.service"))
	m.Exec(t, "systemd-run", "-q", "--unit=mutate", "-p", "RemainAfterExit=yes", "-p", "StandardOutput=truncate:/srv/measured", "-p", "StandardError=truncate:/srv/progress",
		"/srv/mutate", "-subject", unit, "-change", change, "-only", os.Getenv("FOOBAR_ONLY"), "-calls", systemCalls(t))
	testbed.Eventually(t, time.Hour, func() string {
		r := m.Try("bash", "-c", `for i in {1..20}; do case $(systemctl show --value -p SubState mutate) in exited | failed) exit ;; esac; sleep 1; done; exit 1`)
		if r.Code != 0 {
			return m.Try("tail", "-n", "1", "/srv/progress").Stdout
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
		var m directives.Measurement
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.Subject == unit && (m.Change == "" || m.Change == "without") == (change == "without") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
