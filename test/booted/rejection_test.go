//go:build testbed

package booted

import (
	"fmt"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// TestUncheckableCredentials replaces credentials by some that cannot be checked: systemd
// waits for the writer of a FIFO, and where /run is full the check cannot be started. The
// service keeps the credentials in use, the journal has the reason, and the next change
// comes into service.
func TestUncheckableCredentials(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		pid := show(t, s.Machine, "MainPID")

		// Shorter times, in about the shipped proportions.
		dropIn(t, s.Machine, "foobar-credentials-check@.service", "[Service]\nTimeoutStartSec=5s\n")
		dropIn(t, s.Machine, reloadUnit, "[Service]\nTimeoutStartSec=50s\n")
		dropIn(t, s.Machine, "foobar.service", "[Service]\nTimeoutStartSec=5s\n")
		s.changeReload(t, "max_wait=100 ", "max_wait=16 ")
		s.Shell(t, "cd "+credsDir+"; mv token /root/token; mkfifo token")
		s.awaitRejection(t, "a file is missing, or cannot be read")
		s.Shell(t, "cd "+credsDir+"; rm token; cp -p /root/token token")
		s.awaitAcceptance(t)

		// This file system has no room for a directory.
		s.Exec(t, "mount", "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", "/run/systemd/system")
		s.MakePair(t, "/root/new")
		s.Shell(t, "cp /root/new/* "+credsDir)
		s.awaitRejection(t, "No space left on device")
		s.Exec(t, "umount", "/run/systemd/system")
		s.Exec(t, "touch", credsDir+"/cert")
		s.awaitAcceptance(t)
		awaitCertificate(t, s.Machine, "8080", "/root/new/cert")
		if now := show(t, s.Machine, "MainPID"); now != pid {
			t.Errorf("the service was process %s and is process %s", pid, now)
		}
	})
}

// TestStopDuringCheck stops the service while new credentials are checked, which is no
// failure of the check.
func TestStopDuringCheck(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.changeReload(t, "interval=1 ", "interval=5 ")
		s.MakePair(t, "/root/new")
		s.Shell(t, "cp /root/new/* "+credsDir)
		testbed.Eventually(t, reloadLimit, func() string {
			return s.Try("bash", "-c", "compgen -G '/run/systemd/system/foobar-credentials-check@*' >/dev/null || echo no check runs").Stdout
		})
		s.Exec(t, "systemctl", "stop", "foobar")
		s.awaitAcceptance(t)
	})
}

// changeReload changes a setting of reload-credentials.
func (s *service) changeReload(t *testing.T, old, changed string) {
	t.Helper()
	const script = "/usr/lib/foobar/reload-credentials"
	text := s.Read(t, script)
	if strings.Count(text, "\n"+old) != 1 {
		t.Fatalf("%s has no %q", script, old)
	}
	s.Exec(t, "sed", "-i", "s/^"+old+"/"+changed+"/", script)
}

// awaitRejection waits until new credentials are rejected for a reason.
func (s *service) awaitRejection(t *testing.T, reason string) {
	t.Helper()
	testbed.Eventually(t, 3*reloadLimit, func() string {
		if state := showUnit(t, s.Machine, reloadUnit, "ActiveState"); state != "failed" {
			return reloadUnit + " is " + state
		}
		return ""
	})
	s.Exec(t, "journalctl", "--sync")
	output := s.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-p", "err", "-u", reloadUnit)
	if want := "foobar.service are rejected, and it keeps those in use: "; !strings.Contains(output, want) || !strings.Contains(output, reason) {
		t.Errorf("the journal has no %q with %q:\n%s", want, reason, output)
	}
	expectProperty(t, s.Machine, "ActiveState", "active")
}

// awaitAcceptance waits until new credentials are in use.
func (s *service) awaitAcceptance(t *testing.T) {
	t.Helper()
	testbed.Eventually(t, 2*reloadLimit, func() string {
		state, result := showUnit(t, s.Machine, reloadUnit, "ActiveState"), showUnit(t, s.Machine, reloadUnit, "Result")
		if state != "inactive" || result != "success" {
			return fmt.Sprintf("%s is %s with Result=%s", reloadUnit, state, result)
		}
		return ""
	})
}
