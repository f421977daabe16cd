//go:build testbed

package booted

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/tools/clients"
)

// patience is for an answer while the service restarts. How long one really
// takes is printed; what other tests do at the same time counts in.
const patience = 10 * time.Second

// TestNobodyNotices changes, restarts and upgrades the service and what is
// around it while clients ask it.
func TestNobodyNotices(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		pass := func(name string, test func(*testing.T, *service)) bool {
			return t.Run(name, func(t *testing.T) { test(t, s) })
		}
		_ = pass("reload", reloadUnnoticed) &&
			pass("restart", restartUnnoticed) &&
			pass("upgrade", func(t *testing.T, s *service) { changeUnnoticed(t, s, "v2") }) &&
			pass("downgrade", func(t *testing.T, s *service) { changeUnnoticed(t, s, "v1") }) &&
			pass("upgrade with the tmpfiles hook last", func(t *testing.T, s *service) {
				const hooks = "/usr/share/libalpm/hooks/"
				s.Exec(t, "mv", hooks+"25-tmpfiles.hook", hooks+"40-tmpfiles.hook")
				changeUnnoticed(t, s, "v2")
				s.Exec(t, "mv", hooks+"40-tmpfiles.hook", hooks+"25-tmpfiles.hook")
			}) &&
			pass("crash", crashLosesWhatIsInFlight) &&
			pass("systemd", systemdChangesUnnoticed) &&
			pass("removal", removalWhileRunning)
	})
}

// underLoad acts while clients of every kind ask the service, and returns how
// they fared. No acknowledged write may be lost.
func (s *service) underLoad(t *testing.T, act func()) clients.Result {
	t.Helper()
	load, err := clients.Start(clients.Server{
		Address: "localhost:8080",
		Token:   s.token,
		TLS:     s.client.Transport.(*http.Transport).TLSClientConfig,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return s.Dial(ctx, network, "127.0.0.1:8080")
		},
	}, clients.Profiles(), 2)
	if err != nil {
		t.Fatal(err)
	}
	const around = 500 * time.Millisecond
	time.Sleep(around)
	act()
	time.Sleep(around)
	res, err := load.Stop()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%s:\n%v", t.Name(), res)
	for _, err := range res.Lost {
		t.Error(err)
	}
	for _, k := range res.Profiles {
		if k.Longest > patience {
			t.Errorf("%s: waited %v for an answer", k.Profile.Name, k.Longest)
		}
		if k.Refused > 0 {
			t.Errorf("%s: %d connections were refused", k.Profile.Name, k.Refused)
		}
	}
	return res
}

// unnoticed is underLoad without one request failed.
func (s *service) unnoticed(t *testing.T, act func()) {
	t.Helper()
	for _, k := range s.underLoad(t, act).Profiles {
		for _, err := range k.Failed {
			t.Errorf("%s: %v", k.Profile.Name, err)
		}
		if k.CloseRaces > 1 {
			t.Errorf("%s: %d requests crossed the end of their connections", k.Profile.Name, k.CloseRaces)
		}
	}
}

// reloadUnnoticed changes a setting that connections of HTTP/2 cannot take
// over: their clients have to come back.
func reloadUnnoticed(t *testing.T, s *service) {
	pid := show(t, s.Machine, "MainPID")
	s.unnoticed(t, func() {
		s.Write(t, confFile, setting("limits", "header", "8KiB"))
		s.Exec(t, "systemctl", "reload", "foobar")
		time.Sleep(2 * time.Second)
	})
	wantProperty(t, s.Machine, "MainPID", pid)
	code := s.Shell(t, "curl -sk --http1.1 -o /dev/null -w '%{http_code}' -H \"X-Long: $(printf %012000d 0)\" "+baseURL)
	if code != "431" {
		t.Errorf("a header over the new limit is answered %s", code)
	}
}

func restartUnnoticed(t *testing.T, s *service) {
	pid := show(t, s.Machine, "MainPID")
	s.unnoticed(t, func() { s.Exec(t, "systemctl", "restart", "foobar") })
	wantRestarted(t, s, pid)
}

// changeUnnoticed installs one version of the packages over another.
func changeUnnoticed(t *testing.T, s *service, version string) {
	pid := show(t, s.Machine, "MainPID")
	s.unnoticed(t, func() {
		s.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/"+version+"/foobar-{policy-,}[0-9]*.pkg.tar.zst")
	})
	wantRestarted(t, s, pid)
	wantContains(t, "pacman -Q", s.Exec(t, "pacman", "-Q", "foobar", "foobar-policy"), "-"+version[1:]+"\n")
	wantContains(t, "/metrics", s.Exec(t, "curl", "-sSf", metrics+"/metrics"), `version="`+s.version(t)+`"`)
	wantProperty(t, s.Machine, "NeedDaemonReload", "no")
}

// wantRestarted wants another process than pid, that no failure brought about.
func wantRestarted(t *testing.T, s *service, pid string) {
	t.Helper()
	if show(t, s.Machine, "MainPID") == pid {
		t.Error("the service was not restarted")
	}
	wantProperty(t, s.Machine, "NRestarts", "0")
	wantProperty(t, s.Machine, "ActiveState", "active")
}

// crashLosesWhatIsInFlight: a client has one request at a time, so none can
// lose more than that. New connections wait in the socket's backlog.
func crashLosesWhatIsInFlight(t *testing.T, s *service) {
	res := s.underLoad(t, func() {
		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", "foobar")
		testbed.Eventually(t, 10*time.Second, func() string {
			if n := show(t, s.Machine, "NRestarts"); n != "1" {
				return "NRestarts=" + n
			}
			return ""
		})
	})
	for _, k := range res.Profiles {
		if len(k.Failed) > k.Clients {
			t.Errorf("%s: %d clients have %d failures: %v", k.Profile.Name, k.Clients, len(k.Failed), k.Failed)
		}
	}
	wantProperty(t, s.Machine, "NRestarts", "1")
}

const watchdog = 2 * time.Second

// systemdChangesUnnoticed renews the service manager and the journal beneath
// the service, which has to go on feeding a watchdog that goes on watching.
func systemdChangesUnnoticed(t *testing.T, s *service) {
	s.Write(t, "/run/systemd/system/foobar.service.d/50-test.conf", fmt.Sprintf("[Service]\nWatchdogSec=%v\n", watchdog))
	s.Exec(t, "systemctl", "daemon-reload")
	s.Exec(t, "systemctl", "restart", "foobar")
	wantProperty(t, s.Machine, "WatchdogUSec", "2s")
	pid := show(t, s.Machine, "MainPID")
	newer := packageSystemd(t, s.Machine)
	for _, change := range []struct{ name, script string }{
		{"daemon-reexec", "systemctl daemon-reexec"},
		{"journald's restart", "systemctl restart systemd-journald"},
		{"upgrade of systemd by pacman", "pacman -U --noconfirm --noprogressbar --overwrite '*' " + newer},
		{"upgrade of systemd by dpkg", `DPKG_MAINTSCRIPT_PACKAGE=systemd DPKG_MAINTSCRIPT_NAME=postinst /var/lib/dpkg/info/systemd.postinst configure "$(dpkg-query -W -f '${Version}' systemd)"`},
	} {
		t.Run(change.name, func(t *testing.T) {
			s.unnoticed(t, func() {
				s.Shell(t, change.script)
				fed := fedAt(t, s)
				time.Sleep(watchdog + watchdog/4)
				if fedAt(t, s) <= fed {
					t.Error("the watchdog is not fed")
				}
			})
			wantProperty(t, s.Machine, "MainPID", pid)
			wantProperty(t, s.Machine, "NRestarts", "0")
			wantProperty(t, s.Machine, "ActiveState", "active")
			wantLogged(t, s)
		})
	}
	s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "foobar")
	testbed.Eventually(t, 20*time.Second, func() string {
		if n := show(t, s.Machine, "NRestarts"); n != "1" {
			return "the watchdog does not watch: NRestarts=" + n
		}
		return ""
	})
	s.returns(t)
}

// fedAt is when the watchdog was last fed, in microseconds since boot.
func fedAt(t *testing.T, s *service) int {
	t.Helper()
	n, err := strconv.Atoi(show(t, s.Machine, "WatchdogTimestampMonotonic"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantLogged wants what the service says now in the journal.
func wantLogged(t *testing.T, s *service) {
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

// packageSystemd makes a package of the machine's own systemd, the next after
// the one that is registered, which does at its upgrade what Arch's does.
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

// removalWhileRunning removes the packages, and what the service did is done in
// order: nothing of it runs on without its unit, or listens.
func removalWhileRunning(t *testing.T, s *service) {
	s.store(t, "kept")
	out := s.Exec(t, "pacman", "-R", "--noconfirm", "--noprogressbar", "foobar", "foobar-policy")
	for _, wrong := range []string{"error", "failed"} {
		if strings.Contains(out, wrong) {
			t.Errorf("pacman -R says\n%s", out)
		}
	}
	if left := s.Exec(t, "systemctl", "list-units", "--no-legend", "--state=active,failed", "foobar*"); left != "" {
		t.Errorf("after the removal there are\n%s", left)
	}
	if got := s.Read(t, "/var/lib/private/foobar/statefile"); got != "kept" {
		t.Errorf("the state is %q after the removal", got)
	}
	s.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/v1/foobar-{policy-,}[0-9]*.pkg.tar.zst")
	s.Exec(t, "systemctl", "start", "foobar")
	s.holds(t, "kept")
	s.store(t, "written again")
}
