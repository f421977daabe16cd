//go:build testbed

package booted

import "testing"

// TestMonitoringFiles has promtool check the files of the package and run the tests of
// the alerts.
func TestMonitoringFiles(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		const files = "/usr/share/doc/foobar/monitoring"
		for _, args := range [][]string{
			{"check", "config", "--lint=all", "--lint-fatal", files + "/prometheus.yml"},
			{"check", "rules", "--lint=all", "--lint-fatal", files + "/rules.yml"},
			{"test", "rules", "/srv/source/monitoring/rules_test.yml"},
		} {
			m.Exec(t, append([]string{"promtool"}, args...)...)
		}
	})
}

// TestInstalledPages opens the manual pages, in which neither man nor mandoc finds a
// fault.
func TestInstalledPages(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		for _, page := range []string{"foobar", "foobar.yaml", "foobar-policy"} {
			faults := m.Shell(t, `
export LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80
path=$(man -w `+page+`)
{ man --warnings -E UTF-8 -l -Tutf8 -Z "$path" 2>&1 >/dev/null; mandoc -T lint -W warning "$path" 2>&1 || true; } | grep -v 'outdated mandoc.db' || true`)
			if faults != "" {
				t.Errorf("%s:\n%s", page, faults)
			}
			expectContains(t, "man "+page, m.Shell(t, "man "+page+" | cat"), "NAME\n")
		}
	})
}
