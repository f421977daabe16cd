//go:build testbed

package booted

import (
	"fmt"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

const checkPolicy = "/usr/lib/foobar/check-policy"

// siteDropIn binds and loads files of the site's packages.
const siteDropIn = `[Service]
BindReadOnlyPaths=/opt/site /opt/unowned -/opt/optional
LoadCredential=token:/etc/site/token
`

// TestCheckPolicy changes files that the units mount and load in transactions of pacman.
// The hook prints a line for each path with a fault, and nothing after other transactions.
func TestCheckPolicy(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		quiet := func(when string, r testbed.Result) {
			t.Helper()
			if r.Code != 0 || strings.Contains(r.Stdout+r.Stderr, "foobar.service:") {
				t.Errorf("%s: exit status %d\n%s%s", when, r.Code, r.Stdout, r.Stderr)
			}
		}
		expectReport := func(when string, r testbed.Result, want ...string) {
			t.Helper()
			var got []string
			for line := range strings.Lines(r.Stdout + r.Stderr) {
				if strings.Contains(line, "foobar.service:") {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s:\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		const (
			missing  = "warning: foobar.service: BindReadOnlyPaths=/opt/site: is missing, so the service cannot start; install the package that owns it, or remove it from the unit"
			unowned  = "warning: foobar.service: BindReadOnlyPaths=/opt/site: no package owns it; bind what a package owns, or put it into one"
			byHand   = "warning: foobar.service: BindReadOnlyPaths=/opt/unowned: no package owns it; bind what a package owns, or put it into one"
			lost     = "warning: foobar.service: LoadCredential=token:/etc/site/token: is missing, so the service cannot start; restore it, or name another file"
			readable = "warning: foobar.service: LoadCredential=token:/etc/site/token: everybody can read it; chmod o= '/etc/site/token'"
			foreign  = "warning: foobar.service: LoadCredential=token:/etc/site/token: belongs to another user than root, who can replace it; chown root '/etc/site/token'"
		)
		sitePackages(t, m)

		expectSilence(t, "before the first start", m.Try(checkPolicy))
		m.Exec(t, "systemctl", "start", "foobar")
		expectSilence(t, "with the service running", m.Try(checkPolicy))

		m.Exec(t, "mkdir", "/etc/foobar@blue")
		expectSilence(t, "of an instance", m.Try(checkPolicy, "foobar@blue.service"))
		m.Exec(t, "mkdir", "/opt/unowned")
		dropIn(t, m, "foobar.service", siteDropIn)
		quiet("installation of what is bound", pacman(m, "-U", "/srv/site-1.pkg.tar.zst"))
		expectReport("by hand", m.Try(checkPolicy), byHand)
		expectSilence(t, "of another unit", m.Try(checkPolicy, "foobar-credentials.service"))
		if r := m.Try(checkPolicy, "foobar.service"); r.Code != 1 {
			t.Errorf("with something wrong the exit status is %d, want 1", r.Code)
		}

		expectReport("upgrade that opens a credential", pacman(m, "-U", "/srv/site-2.pkg.tar.zst"), readable)
		m.Exec(t, "chmod", "700", "/etc/site")
		expectReport("by hand, in a directory closed to others", m.Try(checkPolicy), byHand)
		m.Exec(t, "chmod", "755", "/etc/site")
		expectReport("upgrade that gives a credential away", pacman(m, "-U", "/srv/site-3.pkg.tar.zst"), foreign)

		m.Exec(t, "touch", "/opt/site/kept")
		expectReport("removal that leaves a directory", pacman(m, "-R", "site"), unowned, lost)
		quiet("transaction with nothing that is bound", pacman(m, "-U", "/srv/other-1.pkg.tar.zst"))
		quiet("installation again", pacman(m, "-U", "/srv/site-1.pkg.tar.zst"))
		m.Exec(t, "rm", "/opt/site/kept")
		expectReport("removal", pacman(m, "-R", "site"), missing, lost)
		expectReport("upgrade of the units", m.Run(upgradeToV2), missing, byHand, lost)

		expectContains(t, "of a unit that is not there", m.Exec(t, "bash", "-c", checkPolicy+" foobar-none.service; true"), "foobar-none.service: systemd cannot load it")
		withoutSystemd(t, m)
	})
}

// expectSilence wants a check by hand to find nothing.
func expectSilence(t *testing.T, when string, r testbed.Result) {
	t.Helper()
	if r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("check-policy %s: exit status %d\n%s%s", when, r.Code, r.Stdout, r.Stderr)
	}
}

// TestCheckPolicyByHand runs check-policy as an administrator does. It reports what
// systemd ignores or cannot load, and nothing about settings that systemd expands,
// unescapes or skips.
func TestCheckPolicyByHand(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Exec(t, "systemctl", "start", "foobar")
		expectReport := func(when string, want ...string) {
			t.Helper()
			var lines []string
			for _, line := range want {
				lines = append(lines, "warning: foobar.service: "+line)
			}
			got := strings.TrimSpace(m.Try(checkPolicy).Stdout)
			if got != strings.Join(lines, "\n") {
				t.Errorf("%s check-policy reports\n%s\nwant\n%s", when, got, strings.Join(lines, "\n"))
			}
		}

		m.Shell(t, `mkdir -p '/etc/site/ü\foobar'; install -m 600 /dev/null '/etc/site/ü\foobar/token'`)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=token:/etc/site/ü\\%p/token\n")
		expectReport("with a path that busctl escapes")
		m.Shell(t, `chmod 644 '/etc/site/ü\foobar/token'`)
		expectReport("with a path that busctl escapes, open to everybody", `LoadCredential=token:/etc/site/ü\foobar/token: everybody can read it; chmod o= '/etc/site/ü\foobar/token'`)

		m.Shell(t, `cd '/etc/site/ü\foobar'; rm token; mkfifo token`)
		expectReport("with a FIFO", `LoadCredential=token:/etc/site/ü\foobar/token: is a FIFO, for whose writer the start would wait; name a file or a socket`)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=token:/etc/site/\x1b[31m\n")
		expectReport("with a path that controls the terminal", `LoadCredential=token:/etc/site/?[31m: is missing, so the service cannot start; restore it, or name another file`)

		m.Shell(t, `mkdir -m 777 /etc/site/open; install -m 602 /dev/null /etc/site/open/cert`)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=cert:/etc/site/open/cert\n")
		expectReport("with a certificate that everybody can change", `LoadCredential=cert:/etc/site/open/cert: everybody can replace it; chmod o-w '/etc/site/open/cert' '/etc/site/open'`)
		m.Exec(t, "chmod", "o-w", "/etc/site/open/cert", "/etc/site/open")
		expectReport("after the command that it names")
		m.Shell(t, `mkdir -m 777 /etc/site/links; ln -s ../open/cert /etc/site/links/cert`)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=cert:/etc/site/links/cert\n")
		expectReport("with a link that everybody can replace", `LoadCredential=cert:/etc/site/links/cert: everybody can replace it; chmod o-w '/etc/site/links'`)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=cert:/etc/site/open/cert\n")
		m.Shell(t, `chmod 1777 /etc/site/open`)
		expectReport("with a certificate in a directory like /tmp")
		m.Shell(t, "d=$(printf '/etc/site/\\0012'); mkdir \"$d\"; install -m 600 /dev/null \"$d/token\"")
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=token:/etc/site/\x012/token\n")
		expectReport("with a digit after a control character")

		dropIn(t, m, "foobar.service", "[Unit]\nJobRunningTimeoutSec=2min\n[Service]\nTimeoutStopSec=2min\nTimeoutStartSec=infinity\n")
		expectReport("with timeouts above the limit of all",
			"TimeoutStartSec=infinity: systemctl fails after JobRunningTimeoutSec=2min, before the start has ended; make JobRunningTimeoutSec= longer",
			"TimeoutStopSec=2min: systemctl fails after JobRunningTimeoutSec=2min, before the stop has ended, and a restart only stops the service; make JobRunningTimeoutSec= longer")
		dropIn(t, m, "foobar.service", "[Unit]\nJobRunningTimeoutSec=infinity\n[Service]\nTimeoutStopSec=2min\nTimeoutStartSec=infinity\n")
		expectReport("with timeouts below the limit of all")

		dropIn(t, m, "foobar.service", "[Service]\nLoadCredentail=token:/etc/site/token\n")
		expectReport("with a misspelt directive", "/etc/systemd/system/foobar.service.d/50-test.conf:2: Unknown key 'LoadCredentail' in section [Service]: systemd ignores it; correct it")
		dropIn(t, m, "foobar.service", "")

		m.Exec(t, "systemctl", "mask", "foobar-credentials.service")
		expectReport("with the maker of credentials masked")
		m.Exec(t, "rm", credsDir+"/key")
		expectReport("with a key that nobody makes", "LoadCredential=key:"+credsDir+"/key: is missing, so the service cannot start; restore it, or name another file")
		m.Exec(t, "systemctl", "unmask", "foobar-credentials.service")
		expectReport("with a key that the next start makes")
		m.Exec(t, "ln", "-s", "none", credsDir+"/key")
		expectReport("with a link to a missing file", "LoadCredential=key:"+credsDir+"/key: is missing, so the service cannot start; restore it, or name another file")
		m.Exec(t, "rm", credsDir+"/key")

		m.Exec(t, "systemctl", "stop", "foobar")
		m.Exec(t, "rm", "-r", "/run/foobar")
		m.Exec(t, "systemctl", "mask", "foobar-credentials.service")
		m.Exec(t, "touch", credsDir+"/key")
		expectReport("without the root directory", "RootDirectory=/run/foobar: is missing, so the service cannot start; systemd-tmpfiles --create foobar.conf")
		m.Exec(t, "systemd-tmpfiles", "--create", "foobar.conf")
		expectReport("after the command that it names")

		// A systemd-run that filters nothing is a kernel that enforces nothing.
		m.Shell(t, `mkdir /tmp/bin; printf '#!/bin/bash\nexec "${@: -3}"\n' >/tmp/bin/systemd-run; chmod 755 /tmp/bin/systemd-run`)
		expectContains(t, "where no address is denied check-policy", m.Try("env", "PATH=/tmp/bin:/usr/bin", checkPolicy).Stdout,
			"warning: foobar-metrics.socket: IPAddressDeny=any: the kernel does not enforce it, nor any other list of addresses; let a firewall close the ports\n")
	})
}

func pacman(m *testbed.Machine, args ...string) testbed.Result {
	return m.Try(append([]string{"pacman", "--noconfirm", "--noprogressbar"}, args...)...)
}

var upgradeToV2 = testbed.Command{Args: []string{"bash", "-euc", testbed.Publish + "publish v2; pacman -Syu --noconfirm --noprogressbar"}}

// sitePackages makes /srv/site-1.pkg.tar.zst with the files of siteDropIn, site-2 and
// site-3 with another mode and owner, and /srv/other-1.pkg.tar.zst.
func sitePackages(t *testing.T, m *testbed.Machine) {
	t.Helper()
	m.Must(t, testbed.Command{User: "builder", Args: []string{"bash", "-euc", `
mkdir ~/site && cd ~/site
cat >PKGBUILD <<'END'
pkgbase=site
pkgname=(site other)
pkgver=$version
pkgrel=1
arch=(any)
package_site() {
  install -D /dev/null "$pkgdir/opt/site/data"
  install -D -m "$mode" -o "$owner" /dev/null "$pkgdir/etc/site/token"
}
package_other() { install -D /dev/null "$pkgdir/opt/other/data"; }
END
export version mode owner
version=1 mode=600 owner=root; makepkg
version=2 mode=644 owner=root; makepkg
version=3 mode=600 owner=builder; makepkg`}})
	m.Shell(t, `for package in /home/builder/site/*.pkg.tar.zst; do mv "$package" /srv/"$(basename "$package" -1-any.pkg.tar.zst)".pkg.tar.zst; done`)
}

// withoutSystemd installs where no systemd runs, as pacstrap does. The hooks then do
// and print nothing.
func withoutSystemd(t *testing.T, m *testbed.Machine) {
	t.Helper()
	r := m.Try("unshare", "-m", "bash", "-euc", "mount -t tmpfs tmpfs /run; "+checkPolicy+"; pacman -S --noconfirm --noprogressbar foobar-outbound")
	if output := r.Stdout + r.Stderr; r.Code != 0 || strings.Contains(output, "error") || strings.Contains(output, "warning: foobar") {
		t.Errorf("without systemd: exit status %d\n%s", r.Code, output)
	}
	expectContains(t, "the installation", r.Stdout, "Checking the files that foobar's units use")
}
