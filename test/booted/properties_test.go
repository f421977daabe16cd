//go:build testbed

package booted

import (
	"os"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const propertiesFile = "sandbox/properties.txt"

const propertiesHead = `# The properties of the running service, compared and written by
# TestProcessProperties: those of its process (environment, limits, privileges,
# credentials, namespaces, mounts), and what systemd has in force of each directive.
`

// TestProcessProperties compares the properties of the running service with the committed
// list. They show the effect of settings that no attempt of the probe shows. With
// FOOBAR_WRITE=1 it writes the list.
func TestProcessProperties(t *testing.T) {
	program := testbed.BuildStatic(t, "../tools/mutate")
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		m.CopyProgram(t, program, "/srv/mutate")
		got := m.Exec(t, "/srv/mutate", "-properties")
		if writes() {
			if err := os.WriteFile(propertiesFile, []byte(propertiesHead+got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want := strings.TrimPrefix(documents.Text(t, propertiesFile), propertiesHead)
		for line := range strings.Lines(got) {
			if !strings.Contains("\n"+want, "\n"+line) {
				t.Errorf("the service has %q, which %s does not have", strings.TrimSpace(line), propertiesFile)
			}
		}
		for line := range strings.Lines(want) {
			if !strings.Contains("\n"+got, "\n"+line) {
				t.Errorf("the service does not have %q of %s", strings.TrimSpace(line), propertiesFile)
			}
		}
	})
}
