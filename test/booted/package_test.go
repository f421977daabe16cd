//go:build testbed

package booted

import (
	"regexp"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// inClone runs a script as the user who builds, in the clone that was built.
func inClone(t *testing.T, m *testbed.Machine, script string) string {
	t.Helper()
	return m.Must(t, testbed.Command{User: "builder", Dir: testbed.Clone, Args: []string{"bash", "-euo", "pipefail", "-c", script}})
}

func TestBuildLeavesCloneClean(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		if out := inClone(t, m, "git status --porcelain"); out != "" {
			t.Errorf("git status after makepkg -cCf:\n%s", out)
		}
		inClone(t, m, "rm -r ./*.pkg.tar.zst")
		if out := inClone(t, m, "git status --porcelain --ignored"); out != "" {
			t.Errorf("makepkg -cCf leaves more than packages:\n%s", out)
		}
		inClone(t, m, "makepkg --nocheck && git diff --exit-code")
		if out := inClone(t, m, "git status --porcelain"); out != "" {
			t.Errorf("git status after makepkg:\n%s", out)
		}
	})
}

// TestCleanRootBuilds builds in a root in which no systemd runs, and which has no
// /run/systemd and no terminal. Only here does a build run the tests of the package.
func TestCleanRootBuilds(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		out := machines.Offline(t, release, "git clone -q /srv/source ~/foobar; cd ~/foobar; "+testbed.LockedMakepkg+" -cCf --noconfirm 2>&1; ls")
		expectContains(t, "makepkg", out, "Starting check()")
		for _, name := range []string{"foobar-[0-9].*", "foobar-policy-.*"} {
			if !regexp.MustCompile(`(?m)^` + name + `\.pkg\.tar\.zst$`).MatchString(out) {
				t.Errorf("makepkg makes no package %s:\n%s", name, out)
			}
		}
	})
}

func TestSrcinfo(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		for _, dir := range []string{".", "outbound", "etcd"} {
			if want, got := inClone(t, m, "cd "+dir+"; makepkg --printsrcinfo"), inClone(t, m, "cat "+dir+"/.SRCINFO"); got != want {
				t.Errorf("%s/.SRCINFO is\n%s\nbut makepkg --printsrcinfo says\n%s", dir, got, want)
			}
		}
	})
}

// TestBuildIsReproducible builds the same packages from a second clone, byte for byte.
// makepkg records the path of the build in .BUILDINFO, so both are built at one path, as
// in Arch's build roots: the second directory is mounted over the first. The second build
// shares no compiled package with the first.
func TestBuildIsReproducible(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		const again = "/home/builder/elsewhere/again"
		m.Exec(t, "runuser", "-u", "builder", "--", "git", "clone", "-q", "/srv/source", again)
		m.Exec(t, "mount", "--bind", again, testbed.Clone)
		const build = "export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct); " + testbed.LockedMakepkg + " -cCf --nocheck; for dir in outbound etcd; do (cd $dir; makepkg -cCfd --nocheck; mv ./*.pkg.tar.zst ..); done"
		inClone(t, m, "export GOCACHE="+testbed.SecondCache+"; "+build)
		sum := `sha256sum ./*.pkg.tar.zst`
		first := m.Shell(t, "cd "+testbed.Packages+"/v1 && "+sum)
		if second := m.Shell(t, "cd "+again+" && "+sum); first != second || strings.Count(first, "\n") != 5 {
			t.Errorf("two builds differ:\n%s\n%s", first, second)
		}

		// At another path only that record differs.
		m.Must(t, testbed.Command{User: "builder", Dir: again, Args: []string{"bash", "-euo", "pipefail", "-c", build}})
		diff := m.Run(testbed.Command{Args: []string{"bash", "-euo", "pipefail", "-c", `
unpack() {
  for package in "$2"/*.pkg.tar.zst; do
    to=/tmp/$1/${package##*/}
    mkdir -p "$to"
    bsdtar -xf "$package" -C "$to"
    zcat "$to/.MTREE" | grep -v '^\./\.BUILDINFO ' >"$to/mtree"
    sed -E '/^(builddir|startdir) = /d' "$to/.BUILDINFO" >"$to/buildinfo"
    rm "$to/.MTREE" "$to/.BUILDINFO"
  done
}
unpack one ` + testbed.Packages + `/v1
unpack two ` + again + `
diff -r /tmp/one /tmp/two`}})
		if diff.Code != 0 {
			t.Errorf("packages built at two paths differ:\n%s%s", diff.Stdout, diff.Stderr)
		}
	})
}

// TestMakepkgInstalls runs makepkg -si, which does not install the packages that open
// the network.
func TestMakepkgInstalls(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		inClone(t, m, "rm ./*.pkg.tar.zst; makepkg -si --noconfirm --nocheck")
		out := m.Exec(t, "pacman", "-Q")
		if !regexp.MustCompile(`(?m)^foobar \S+\nfoobar-policy \S+$`).MatchString(out) || strings.Contains(out, "foobar-outbound") || strings.Contains(out, "foobar-etcd") {
			t.Errorf("after makepkg -si pacman -Q says\n%s", out)
		}
		if out := inClone(t, m, "git status --porcelain"); out != "" {
			t.Errorf("git status after makepkg -si:\n%s", out)
		}
		m.Exec(t, "systemctl", "start", "foobar")
	})
}

// TestRepositoryInstalls installs foobar from a repository, which brings both packages of
// one version.
func TestRepositoryInstalls(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		out := m.Exec(t, "pacman", "-Q", "foobar", "foobar-policy")
		found := regexp.MustCompile(`^foobar (\S+)\nfoobar-policy (\S+)\n$`).FindStringSubmatch(out)
		if found == nil || found[1] != found[2] {
			t.Fatalf("pacman -Q says %q", out)
		}
		info := m.Exec(t, "pacman", "-Si", "foobar/foobar")
		expectContains(t, "pacman -Si foobar", info, "foobar-policy="+found[1])
		if r := m.Try("systemctl", "is-enabled", "foobar.service"); strings.TrimSpace(r.Stdout) != "disabled" {
			t.Errorf("after the installation foobar.service is %q, want disabled", r.Stdout)
		}
	})
}

func TestInstalledFilesAreIntact(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		intact := func(when string) {
			t.Helper()
			r := m.Try("pacman", "-Qkk", "foobar", "foobar-policy")
			if r.Code != 0 || strings.Contains(r.Stdout+r.Stderr, "warning") || strings.Count(r.Stdout, "0 altered files") != 2 {
				t.Errorf("pacman -Qkk %s:\n%s%s", when, r.Stdout, r.Stderr)
			}
		}
		intact("after the installation")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		intact("with the service running")
	})
}

func TestPackagesOwnWhatTheUnitsUse(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		for _, path := range append(unitFiles(t, m), boundPaths(t, m)...) {
			m.Exec(t, "pacman", "-Qo", path)
		}
	})
}

// units returns the units of the packages, with an instance of the template for
// checks. The templates of the service's instances have no address, and are left
// out.
func units(t *testing.T, m *testbed.Machine) []string {
	t.Helper()
	return strings.Fields(m.Shell(t, `pacman -Qql foobar foobar-policy |
sed -nE 's,^/usr/lib/systemd/system/([^/@]*\.[a-z]*|foobar-credentials-check@\.service)$,\1,p' | sed 's/@\./@test./'`))
}

// unitFiles returns the files that systemd has read for the units.
func unitFiles(t *testing.T, m *testbed.Machine) []string {
	t.Helper()
	args := []string{"systemctl", "show", "--value", "-p", "FragmentPath", "-p", "DropInPaths"}
	paths := strings.Fields(m.Exec(t, append(args, units(t, m)...)...))
	if len(paths) < 6 {
		t.Fatalf("systemd knows of no more than %v", paths)
	}
	return paths
}

// boundPaths returns the sources of the paths that the units bind.
func boundPaths(t *testing.T, m *testbed.Machine) []string {
	t.Helper()
	args := []string{"systemctl", "show", "--value", "-p", "BindReadOnlyPaths", "-p", "BindPaths"}
	var paths []string
	for _, bind := range strings.Fields(m.Exec(t, append(args, units(t, m)...)...)) {
		source, _, _ := strings.Cut(bind, ":")
		paths = append(paths, strings.TrimPrefix(source, "-"))
	}
	if len(paths) < 2 {
		t.Fatalf("the units bind no more than %v", paths)
	}
	return paths
}

func TestUnitsVerify(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		r := m.Try(append([]string{"systemd-analyze", "verify"}, units(t, m)...)...)
		if out := r.Stdout + r.Stderr; r.Code != 0 || out != "" {
			t.Errorf("systemd-analyze verify: exit status %d\n%s", r.Code, out)
		}
		complaints := m.Shell(t, `journalctl -q -b _PID=1 -o cat | grep -E '/foobar[^ ]*:[0-9]+:' || true`)
		if complaints != "" {
			t.Errorf("systemd complains:\n%s", complaints)
		}
	})
}

func TestExposure(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		out := m.Exec(t, "systemd-analyze", "security", "--no-pager", "foobar.service")
		level := regexp.MustCompile(`Overall exposure level for foobar.service: (\d+\.\d)`).FindStringSubmatch(out)
		if level == nil || level[1] != "0.1" && level[1] != "0.0" {
			t.Errorf("exposure is more than 0.1:\n%s", out)
		}
	})
}
