//go:build testbed

package booted

import (
	"os"
	"testing"

	"foobar/test/booted/testbed"
)

// TestFirstStart installs the packages, starts the service, and asks it over HTTPS with
// and without the token.
func TestFirstStart(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.awaitReady(t)
		s.do(t, 401, "POST", "/", "hello")
		s.do(t, 200, "GET", "/healthz", "")
		expectProperty(t, s.Machine, "ActiveState", "active")
		if n := countStarts(t, s.Machine); n != 1 {
			t.Errorf("%d starts, want 1", n)
		}
	})
}

// TestUpgrade upgrades with pacman, which starts the new version without a further
// command and keeps the configuration and the credentials.
func TestUpgrade(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		const changed = "log:\n  level: warn # changed by the site\n"
		s.Write(t, confFile, changed)
		pid, token := show(t, s.Machine, "MainPID"), s.Read(t, credsDir+"/token")
		s.Shell(t, testbed.Publish+"publish v2; pacman -Syu --noconfirm --noprogressbar")
		if show(t, s.Machine, "MainPID") == pid {
			t.Error("the upgrade did not restart the service")
		}
		s.awaitReady(t)
		if s.Read(t, confFile) != changed || s.Read(t, credsDir+"/token") != token {
			t.Error("the upgrade has changed the configuration or the token")
		}
	})
}

// TestRemoval removes the packages, which leaves the credentials and no unit.
func TestRemoval(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		m.Exec(t, "systemctl", "disable", "--now", "foobar")
		m.Exec(t, "pacman", "-Rns", "--noconfirm", "--noprogressbar", "foobar")
		if r := m.Try("bash", "-c", "ls -d /usr/bin/foobar /usr/lib/systemd/system/foobar* /etc/foobar/conf.yaml"); r.Stdout != "" {
			t.Errorf("the removal leaves\n%s", r.Stdout)
		}
		m.Read(t, credsDir+"/token")
	})
}

// writes reports whether tests write generated files instead of comparing them.
func writes() bool { return os.Getenv("FOOBAR_WRITE") != "" }
