//go:build testbed

package booted

import (
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

// useOldUnits is a script that changes the units of 0.1.0, of the service and of an
// instance, as an administrator does, and causes a reload that still runs at the upgrade.
const useOldUnits = `
mkdir /etc/systemd/system/foobar-reload.path.d
printf '[Path]\nPathChanged=/etc/site\n' >/etc/systemd/system/foobar-reload.path.d/20-site.conf
systemctl mask foobar-reload@green.path
install -D -m 644 /dev/null /etc/foobar@blue/conf.yaml
for unit in foobar@blue.socket foobar-metrics@blue.socket; do
  mkdir /etc/systemd/system/$unit.d
  printf '[Socket]\nListenStream=/run/%s\n' $unit >/etc/systemd/system/$unit.d/address.conf
done
systemctl daemon-reload
systemctl enable --now foobar foobar@blue
touch /etc/foobar/credentials/other`

// TestUpgradeFromOldNames upgrades from 0.1.0. Links, masks and drop-ins of the renamed
// units move to the new names, and no unit of an old name runs afterwards.
func TestUpgradeFromOldNames(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		m.Must(t, testbed.Command{User: "builder", Stdin: documents.Text(t, "testdata/foobar-0.1.0/PKGBUILD"),
			Args: []string{"bash", "-euc", "mkdir ~/old; cd ~/old; cat >PKGBUILD; makepkg"}})
		m.Shell(t, "pacman -U --noconfirm --noprogressbar /home/builder/old/*.pkg.tar.zst")
		m.Shell(t, useOldUnits)
		testbed.Eventually(t, reloadLimit, func() string {
			if state := showUnit(t, m, "foobar-reload.service", "ActiveState"); state != "activating" {
				return "foobar-reload.service is " + state
			}
			return ""
		})

		out := m.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/v1/foobar-{policy-,}[0-9]*.pkg.tar.zst 2>&1")
		for _, wrong := range []string{"error", "arning"} {
			if strings.Contains(out, wrong) {
				t.Errorf("the upgrade says\n%s", out)
			}
		}
		if left := m.Exec(t, "systemctl", "list-units", "--all", "--plain", "--no-legend", "foobar-reload*", "foobar-check*"); left != "" {
			t.Errorf("units of the old names are left:\n%s", left)
		}
		if left := m.Shell(t, "find /etc/systemd/system -xtype l -o -name 'foobar-reload*' -o -name 'foobar-check*'"); left != "" {
			t.Errorf("links to nothing, or files of the old names, are left:\n%s", left)
		}
		for _, unit := range []string{"foobar-credentials-reload.path", "foobar-credentials-reload@blue.path"} {
			if r := m.Try("systemctl", "is-enabled", unit); strings.TrimSpace(r.Stdout) != "enabled" {
				t.Errorf("%s is %s", unit, r.Stdout)
			}
			if state := showUnit(t, m, unit, "ActiveState"); state != "active" {
				t.Errorf("%s is %s", unit, state)
			}
		}
		if state := showUnit(t, m, "foobar-credentials-reload@green.path", "LoadState"); state != "masked" {
			t.Errorf("the masked foobar-reload@green.path is %s under its new name", state)
		}
		expectContains(t, "the drop-in's path", showUnit(t, m, "foobar-credentials-reload.path", "Paths"), "/etc/site")
		s := connect(t, m)
		s.store(t, "served by the new version")
		// systemd logs no "Starting" of the stand-in: a simple service starts at once.
		if n := countStarts(t, m); n != 1 {
			t.Errorf("%d starts of the new version, want one", n)
		}
	})
}
