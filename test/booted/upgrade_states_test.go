//go:build testbed

package booted

import (
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// untilUpgraded is a command of the service that ends with the transaction.
const untilUpgraded = `+/usr/bin/sh -c 'while [ ! -e /srv/upgraded ]; do sleep 0.1; done'`

// slowCredential makes a socket from which systemd reads a credential. While there is
// /srv/slow, the credential comes at the end of the transaction.
const slowCredential = `
cat >/etc/systemd/system/slow.socket <<END
[Socket]
ListenStream=/run/slow.sock
Accept=yes
END
cat >/etc/systemd/system/slow@.service <<END
[Service]
ExecStart=sh -c 'while [ -e /srv/slow ] && [ ! -e /srv/upgraded ]; do sleep 0.1; done; echo slow'
StandardInput=socket
END
systemctl daemon-reload
systemctl start slow.socket
`

// TestUpgradeInEachState upgrades while the service is activating, deactivating or
// refreshing with the old binary, and remains so until the hooks after the transaction
// run. Afterwards the new binary runs.
func TestUpgradeInEachState(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Shell(t, slowCredential+`
sed -i 's/^Exec = .*restart-marked$/Exec = \/usr\/bin\/sh -c "touch \/srv\/upgraded; exec \/usr\/share\/libalpm\/scripts\/after-transaction restart-marked"/' /usr/share/libalpm/hooks/35-restart-marked.hook`)
		version := map[bool]string{true: "v1", false: "v2"}
		newest := false
		for _, c := range []struct{ state, lines, act string }{
			{"activating", "RootDirectoryStartOnly=yes\nExecStartPost=" + untilUpgraded, "systemctl start --no-block foobar"},
			{"deactivating", "RootDirectoryStartOnly=yes\nExecStop=" + untilUpgraded, "systemctl start foobar; systemctl restart --no-block foobar"},
			{"refreshing", "LoadCredential=slow:/run/slow.sock", "systemctl start foobar; touch /srv/slow; systemctl reload --no-block foobar"},
		} {
			dropIn(t, m, "foobar.service", "[Service]\n"+c.lines+"\n")
			m.Shell(t, "rm -f /srv/slow /srv/upgraded; "+c.act)
			testbed.Eventually(t, 30*time.Second, func() string {
				if state := show(t, m, "ActiveState"); state != c.state {
					return "the service is " + state + ", not " + c.state
				}
				return ""
			})
			m.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/"+version[newest]+"/foobar-{policy-,}[0-9]*.pkg.tar.zst")
			newest = !newest
			testbed.Eventually(t, time.Minute, func() string {
				if state := show(t, m, "ActiveState"); state != "active" {
					return "after an upgrade while it was " + c.state + " the service is " + state
				}
				if r := m.Try("cmp", "/proc/"+show(t, m, "MainPID")+"/exe", "/usr/bin/foobar"); r.Code != 0 {
					return "after an upgrade while it was " + c.state + " the old binary runs: " + r.Stdout + r.Stderr
				}
				return ""
			})
			m.Exec(t, "systemctl", "stop", "foobar")
		}
	})
}
