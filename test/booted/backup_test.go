//go:build testbed

package booted

import (
	"testing"

	"foobar/test/documents"
)

// TestBackup runs the commands of BACKUP AND RESTORE in foobar(8) as they are written:
// while the service runs, while it is stopped, and for files of another user.
func TestBackup(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		displays := documents.Displays(t, "../../man/foobar.8", "BACKUP AND RESTORE")
		if len(displays) != 3 {
			t.Fatalf("the section has %d displays, want 3", len(displays))
		}
		copyUp, backUpDown, restoreDown := displays[0], displays[1], displays[2]
		s := running(t, release)
		run := func(script string) {
			t.Helper()
			s.Shell(t, "cd /root\n"+script)
		}

		s.store(t, "kept while up")
		run(copyUp)
		s.store(t, "lost")
		run("foobar put <state.backup")
		s.expectState(t, "kept while up")

		s.store(t, "kept while down")
		run("systemctl stop foobar\n" + backUpDown + "systemctl start foobar")
		s.store(t, "lost")
		run(restoreDown)
		s.expectState(t, "kept while down")

		s.store(t, "lost")
		run("mkdir other\ntar -C other -xf state.tar\nchown -R 12345:12345 other\ntar -C other -cf state.tar foobar")
		run(restoreDown)
		s.expectState(t, "kept while down")
		s.store(t, "writable")
	})
}
