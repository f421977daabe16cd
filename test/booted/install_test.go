//go:build testbed

package booted

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

func TestFirstStart(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.do(t, 404, "GET", "/", "")
		s.store(t, "first\x00state\n")
		s.expectState(t, "first\x00state\n")
		testbed.Eventually(t, 10*time.Second, func() string {
			if got := s.Try("cat", stateFile).Stdout; got != "first\x00state\n" {
				return fmt.Sprintf("%s holds %q", stateFile, got)
			}
			return ""
		})
		if got := mode("/var/lib/private/foobar", s.Machine, t); !strings.HasPrefix(got, "700 ") {
			t.Errorf("the state directory is %s, want 700", got)
		}
		expectProperty(t, s.Machine, "ActiveState", "active")
		if n := countStarts(t, s.Machine); n != 1 {
			t.Errorf("%d starts, want 1", n)
		}
	})
}

func TestReboot(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		boot := s.Read(t, "/proc/1/stat")
		creds := credentialSums(t, s.Machine)
		s.Reboot(t)
		if s.Read(t, "/proc/1/stat") == boot {
			t.Fatal("the machine did not reboot")
		}
		s.expectState(t, "kept")
		expectProperty(t, s.Machine, "ActiveState", "active")
		if n := countStarts(t, s.Machine); n != 1 {
			t.Errorf("%d starts since boot, want 1", n)
		}
		// systemd breaks an ordering cycle by leaving out a unit, not always the same.
		found := s.Try("systemd-analyze", "verify", "--man=no", "multi-user.target")
		if strings.Contains(found.Stderr, "cycle") {
			t.Errorf("at boot systemd finds\n%s", found.Stderr)
		}
		if got := credentialSums(t, s.Machine); got != creds {
			t.Errorf("credentials were\n%sand are after the reboot\n%s", creds, got)
		}
	})
}

// TestUpgrade upgrades with pacman, which starts the new version without a further command.
func TestUpgrade(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) { upgrade(t, running(t, release)) })
}

func upgrade(t *testing.T, s *service) {
	t.Helper()
	s.store(t, "kept")
	const changed = "log:\n  level: warn # changed by the site\n"
	s.Write(t, confFile, changed)
	creds := credentialSums(t, s.Machine)
	pid := show(t, s.Machine, "MainPID")

	out := s.Shell(t, testbed.Publish+"publish v2; pacman -Syu --noconfirm --noprogressbar")

	expectContains(t, "pacman -Q", s.Exec(t, "pacman", "-Q", "foobar", "foobar-policy"), "-2\n")
	if show(t, s.Machine, "MainPID") == pid {
		t.Errorf("pacman's transaction did not restart the service:\n%s", out)
	}
	expectContains(t, "foobar version", s.Exec(t, "foobar", "version"), s.version(t))
	s.expectState(t, "kept")
	if got := s.Read(t, confFile); got != changed {
		t.Errorf("%s is now\n%s", confFile, got)
	}
	expectContains(t, confFile+".pacnew", s.Read(t, confFile+".pacnew"), testbed.NextMark)
	if got := credentialSums(t, s.Machine); got != creds {
		t.Errorf("credentials were\n%sand are after the upgrade\n%s", creds, got)
	}
	expectProperty(t, s.Machine, "NeedDaemonReload", "no")
	expectProperty(t, s.Machine, "Markers", "")
	expectProperty(t, s.Machine, "ActiveState", "active")
	if r := s.Try("systemctl", "is-enabled", "foobar.service"); strings.TrimSpace(r.Stdout) != "enabled" {
		t.Errorf("after the upgrade foobar.service is %q", r.Stdout)
	}
	if n := countStarts(t, s.Machine); n != 2 {
		t.Errorf("%d starts, want 2", n)
	}
}

// version returns the version of the installed package.
func (s *service) version(t *testing.T) string {
	t.Helper()
	return strings.Fields(s.Exec(t, "pacman", "-Q", "foobar"))[1]
}

// TestUpgradeDoesNotStart upgrades while the service is stopped, which does not start it.
func TestUpgradeDoesNotStart(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Shell(t, testbed.Publish+"publish v2; pacman -Syu --noconfirm --noprogressbar")
		expectProperty(t, m, "ActiveState", "inactive")
		if n := countStarts(t, m); n != 0 {
			t.Errorf("%d starts, want none", n)
		}
	})
}

func TestRemovalKeepsStateAndCredentials(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		creds := credentialSums(t, s.Machine)
		s.Exec(t, "systemctl", "disable", "--now", "foobar")
		out := s.Exec(t, "pacman", "-Rns", "--noconfirm", "--noprogressbar", "foobar")
		expectContains(t, "pacman -Rns", out, "/var/lib/private/foobar")
		expectContains(t, "pacman -Rns", out, "/etc/foobar")
		if got := s.Read(t, "/var/lib/private/foobar/statefile"); got != "kept" {
			t.Errorf("the state is %q after the removal", got)
		}
		if got := credentialSums(t, s.Machine); got != creds {
			t.Errorf("credentials were\n%sand are after the removal\n%s", creds, got)
		}
		if r := s.Try("bash", "-c", "ls -d /usr/bin/foobar /usr/lib/systemd/system/foobar* /usr/lib/{sysusers,tmpfiles}.d/foobar* /etc/foobar/conf.yaml"); r.Stdout != "" {
			t.Errorf("the removal leaves\n%s", r.Stdout)
		}

		s.Exec(t, "pacman", "-S", "--noconfirm", "--noprogressbar", "foobar")
		s.Exec(t, "systemctl", "enable", "--now", "foobar")
		s.expectState(t, "kept")
	})
}
