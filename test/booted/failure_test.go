//go:build testbed

package booted

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

func TestKilledServiceIsRestarted(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		for n := 1; n <= 3; n++ {
			s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", "foobar")
			s.awaitReady(t)
			testbed.Eventually(t, 10*time.Second, func() string {
				if got := show(t, s.Machine, "NRestarts"); got != strconv.Itoa(n) {
					return "NRestarts=" + got
				}
				return ""
			})
			s.expectState(t, "kept")
		}
		s.store(t, "and writable")
	})
}

func TestWatchdogRestartsHungService(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		s.Write(t, "/run/systemd/system/foobar.service.d/50-test.conf", "[Service]\nWatchdogSec=2s\n")
		s.Exec(t, "systemctl", "daemon-reload")
		s.Exec(t, "systemctl", "restart", "foobar")

		expectProperty(t, s.Machine, "WatchdogUSec", "2s")
		awaitWatchdogPings(t, s, 5*time.Second)
		expectProperty(t, s.Machine, "NRestarts", "0")

		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "foobar")
		testbed.Eventually(t, 30*time.Second, func() string {
			if got := show(t, s.Machine, "NRestarts"); got != "1" {
				return "NRestarts=" + got
			}
			return ""
		})
		s.awaitReady(t)
		s.expectState(t, "kept")
		expectContains(t, "the journal", journal(t, s.Machine), "Watchdog timeout")
	})
}

// TestStartsHaveNoLimit starts the service, its sockets and the units beside it more often
// than systemd's default limit on starts allows.
func TestStartsHaveNoLimit(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		m.Write(t, "/etc/systemd/system.conf.d/50-test.conf", "[Manager]\nDefaultStartLimitIntervalSec=5min\nDefaultStartLimitBurst=5\n")
		m.Shell(t, `systemctl daemon-reload
systemctl stop foobar
for unit in foobar-credentials-reload foobar-sockets-reopen; do
  for n in {1..6}; do systemctl start "$unit"; done
done
for n in {1..6}; do
  systemctl start foobar
  systemctl stop foobar foobar{,-metrics,-admin}.socket
done
systemctl start foobar
systemctl is-active foobar-credentials-reload.path`)
	})
}

// TestFullDisk writes a state that does not fit on the disk. The write is refused, and the
// old state is kept, also across a restart on the full disk.
func TestFullDisk(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.moveToSmallDisk(t)
		old := strings.Repeat("old ", 1000)
		s.store(t, old)

		refused := func() {
			t.Helper()
			r := s.do(t, 507, "POST", "/", strings.Repeat("x", 8<<20), s.bearer())
			expectContains(t, "507", r.text, "the state is unchanged")
			s.expectState(t, old)
		}
		refused()
		errors := journal(t, s.Machine, "-p", "err", "-o", "json", "--output-fields=PRIORITY,MESSAGE")
		expectContains(t, "journalctl -p err", errors, `"PRIORITY":"3"`)
		expectContains(t, "journalctl -p err", errors, "no space")
		if info := journal(t, s.Machine, "-p", "err"); strings.Contains(info, "has started") {
			t.Errorf("journalctl -p err shows more than errors:\n%s", info)
		}

		s.Shell(t, "! dd if=/dev/zero of=/var/lib/private/foobar/filler bs=4k 2>&1")
		refused()
		s.Exec(t, "systemctl", "restart", "foobar")
		s.expectState(t, old)
		refused()

		s.Exec(t, "rm", "/var/lib/private/foobar/filler")
		s.store(t, "room again")
		s.expectState(t, "room again")
		s.Exec(t, "systemctl", "restart", "foobar")
		s.expectState(t, "room again")
	})
}

// moveToSmallDisk moves the state directory to a disk of 4 MiB.
func (s *service) moveToSmallDisk(t *testing.T) {
	t.Helper()
	s.Exec(t, "systemctl", "stop", "foobar")
	s.Exec(t, "mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", "/var/lib/private/foobar")
	s.Exec(t, "systemctl", "start", "foobar")
}

// failDisk fills the disk, and then makes it read-only.
func (s *service) failDisk(t *testing.T) {
	t.Helper()
	s.moveToSmallDisk(t)
	s.store(t, "small")
	s.Try("dd", "if=/dev/zero", "of=/var/lib/private/foobar/filler", "bs=4k")
	s.do(t, 507, "POST", "/", strings.Repeat("x", 900<<10), s.bearer())
	s.expectState(t, "small")
	s.Exec(t, "systemctl", "stop", "foobar")
	s.Exec(t, "mount", "-o", "remount,ro", "/var/lib/private/foobar")
	s.Try("systemctl", "start", "foobar")
	s.Exec(t, "systemctl", "stop", "foobar")
	s.Exec(t, "umount", "/var/lib/private/foobar")
	s.Exec(t, "systemctl", "start", "foobar")
}
