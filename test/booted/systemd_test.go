//go:build testbed

package booted

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

const watchdog = 2 * time.Second

// TestSystemdChangesUnderLoad renews systemd and the journal while clients send
// requests, of which none fails.
func TestSystemdChangesUnderLoad(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) { systemdChangesUnderLoad(t, running(t, release)) })
}

// systemdChangesUnderLoad renews the service manager and the journal. The service
// continues to send watchdog pings, and systemd continues to check them.
func systemdChangesUnderLoad(t *testing.T, s *service) {
	s.Write(t, "/run/systemd/system/foobar.service.d/50-test.conf", fmt.Sprintf("[Service]\nWatchdogSec=%v\n", watchdog))
	s.Exec(t, "systemctl", "daemon-reload")
	s.Exec(t, "systemctl", "restart", "foobar")
	expectProperty(t, s.Machine, "WatchdogUSec", "2s")
	pid := show(t, s.Machine, "MainPID")
	newer := packageSystemd(t, s.Machine)
	for _, change := range []struct{ name, script string }{
		{"daemon-reexec", "systemctl daemon-reexec"},
		{"journald's restart", "systemctl restart systemd-journald"},
		{"upgrade of systemd by pacman", "pacman -U --noconfirm --noprogressbar --overwrite '*' " + newer},
		{"upgrade of systemd by dpkg", `DPKG_MAINTSCRIPT_PACKAGE=systemd DPKG_MAINTSCRIPT_NAME=postinst /var/lib/dpkg/info/systemd.postinst configure "$(dpkg-query -W -f '${Version}' systemd)"`},
	} {
		t.Run(change.name, func(t *testing.T) {
			s.withoutFailure(t, func() {
				s.Shell(t, change.script)
				awaitWatchdogPings(t, s, watchdog+watchdog/4)
			})
			expectProperty(t, s.Machine, "MainPID", pid)
			expectProperty(t, s.Machine, "NRestarts", "0")
			expectProperty(t, s.Machine, "ActiveState", "active")
			expectLogged(t, s)
		})
	}
	s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "foobar")
	testbed.Eventually(t, 20*time.Second, func() string {
		if n := show(t, s.Machine, "NRestarts"); n != "1" {
			return "a service without watchdog pings is not restarted: NRestarts=" + n
		}
		return ""
	})
	s.awaitReady(t)
}

// awaitWatchdogPings waits until the last ping is that much later than the first.
func awaitWatchdogPings(t *testing.T, s *service, during time.Duration) {
	t.Helper()
	first := lastPing(t, s)
	testbed.Eventually(t, 10*during, func() string {
		if last := lastPing(t, s); last-first < during {
			return fmt.Sprintf("the last watchdog ping came %v after the first", last-first)
		}
		return ""
	})
}

// lastPing returns the time from boot to the last watchdog ping.
func lastPing(t *testing.T, s *service) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(show(t, s.Machine, "WatchdogTimestampMonotonic"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Microsecond
}

// expectLogged wants a message that the service logs now in the journal.
func expectLogged(t *testing.T, s *service) {
	t.Helper()
	lines := func() int { return strings.Count(journal(t, s.Machine), "configuration loaded") }
	before := lines()
	s.Exec(t, "systemctl", "reload", "foobar")
	testbed.Eventually(t, 5*time.Second, func() string {
		if n := lines(); n != before+1 {
			return fmt.Sprintf("%d lines of reloads in the journal, and %d before", n, before)
		}
		return ""
	})
}

// packageSystemd makes a package of the machine's own systemd, with the next
// pkgrel. Its scriptlet does at the upgrade what Arch's does.
func packageSystemd(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	m.Must(t, testbed.Command{User: "builder", Args: []string{"bash", "-euo", "pipefail", "-c", `
mkdir ~/systemd
cd ~/systemd
cat >PKGBUILD <<'END'
pkgname=systemd
pkgver=$(systemctl --version | awk 'NR == 1 { print $2 }')
pkgrel=2
epoch=2
arch=(any)
options=(!strip !debug !lto)
install=systemd.install
package() {
	{
		pacman -Qql systemd
		dpkg -L systemd | grep -E '^/usr/(bin|lib/systemd)/'
	} | sort -u | while read -r path; do
		[[ -d $path ]] || cp -P --parents "$path" "$pkgdir"
	done
}
END
cat >systemd.install <<'END'
post_upgrade() {
	systemctl --system daemon-reexec
}
END
PKGEXT=.pkg.tar makepkg --nodeps
mv ./*.pkg.tar /tmp/systemd.pkg.tar
`}})
	return "/tmp/systemd.pkg.tar"
}
