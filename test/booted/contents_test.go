//go:build testbed

package booted

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// packages are those that a build makes.
var packages = []string{"foobar", "foobar-policy", "foobar-outbound", "foobar-etcd", "foobar-etcd-policy"}

// directories are where Arch's guidelines want the files of these packages.
var directories = regexp.MustCompile(`^(etc/foobar|usr/(bin|lib/(foobar|systemd/(system|catalog)|sysusers\.d|tmpfiles\.d)|share/(` +
	`bash-completion/completions|zsh/site-functions|fish/vendor_completions\.d|doc/foobar|libalpm/hooks|licenses/foobar(-policy|-outbound|-etcd|-etcd-policy)?|man/man[578])))/.`)

// executables are the files that are programs.
var executables = regexp.MustCompile(`^usr/(bin/foobar(-etcd)?|lib/foobar/(check-policy|kill-stuck|reload-credentials|reopen-sockets))$`)

// An entry is a file or directory in a package.
type entry struct{ mode, owner, path, target string }

// readPackage lists what a package would install.
func readPackage(t *testing.T, m *testbed.Machine, name string) (file string, entries []entry) {
	t.Helper()
	file = strings.TrimSpace(m.Shell(t, "ls "+testbed.Packages+"/v1/"+name+"-[0-9]*.pkg.tar.zst"))
	for line := range strings.Lines(m.Exec(t, "bsdtar", "-tvf", file)) {
		f := strings.Fields(line)
		path, target, _ := strings.Cut(strings.Join(f[8:], " "), " -> ")
		if !strings.HasPrefix(path, ".") {
			entries = append(entries, entry{f[0], f[2] + ":" + f[3], strings.TrimSuffix(path, "/"), target})
		}
	}
	if len(entries) == 0 {
		t.Fatalf("%s has no files", file)
	}
	return file, entries
}

// TestPackageContents applies the rules of namcap, which these machines do not have. That
// the program is neither a PIE nor has full RELRO is a deviation that PKGBUILD explains.
func TestPackageContents(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		for _, name := range packages {
			file, entries := readPackage(t, m, name)
			checkEntries(t, name, entries)
			checkInfo(t, name, m.Exec(t, "bsdtar", "-xOf", file, ".PKGINFO"))
			isELF := m.Run(testbed.Command{Args: []string{"bash", "-euc", "mkdir /tmp/" + name + "; cd /tmp/" + name + "; bsdtar -xf " + file + "; file -b $(find . -type f) | grep ELF"}}).Stdout
			program := name == "foobar" || name == "foobar-etcd"
			if program != (isELF != "") {
				t.Errorf("%s has the binaries %q", name, isELF)
			}
			if program && (strings.Count(isELF, "\n") != 1 || !strings.Contains(isELF, "statically linked") || !strings.Contains(isELF, ", stripped")) {
				t.Errorf("the program is not one static, stripped file: %s", isELF)
			}
		}
	})
}

// checkEntries compares owners, modes and places with what is allowed.
func checkEntries(t *testing.T, name string, entries []entry) {
	t.Helper()
	holds := map[string]bool{} // directories that are not empty
	paths := map[string]bool{}
	for _, e := range entries {
		paths[e.path] = true
		if i := strings.LastIndex(e.path, "/"); i > 0 {
			holds[e.path[:i]] = true
		}
	}
	for _, e := range entries {
		mode := "-rw-r--r--"
		switch {
		case e.path == "etc/foobar/credentials":
			mode = "drwx------"
		case strings.HasPrefix(e.mode, "d"):
			mode = "drwxr-xr-x"
			if !holds[e.path] {
				t.Errorf("%s: the directory %s is empty", name, e.path)
			}
		case strings.HasPrefix(e.mode, "l"):
			mode = "lrwxrwxrwx"
			if !paths[join(e.path, e.target)] {
				t.Errorf("%s: %s links to %s, which is not in the package", name, e.path, e.target)
			}
		case executables.MatchString(e.path):
			mode = "-rwxr-xr-x"
		}
		if e.mode != mode || e.owner != "root:root" {
			t.Errorf("%s: %s is %s %s, want %s root:root", name, e.path, e.mode, e.owner, mode)
		}
		if !strings.HasPrefix(e.mode, "d") && !directories.MatchString(e.path) {
			t.Errorf("%s: %s is not where such a file belongs", name, e.path)
		}
		if strings.HasPrefix(e.path, "usr/share/man/") && !strings.HasPrefix(e.mode, "d") && !strings.HasSuffix(e.path, ".gz") {
			t.Errorf("%s: %s is not compressed", name, e.path)
		}
	}
	if !paths["usr/share/licenses/"+name+"/LICENSE"] {
		t.Errorf("%s has no licence", name)
	}
}

// join resolves a relative link.
func join(path, target string) string {
	parts := strings.Split(path, "/")
	parts = parts[:len(parts)-1]
	for {
		rest, up := strings.CutPrefix(target, "../")
		if !up || len(parts) == 0 {
			return strings.Join(append(parts, target), "/")
		}
		parts, target = parts[:len(parts)-1], rest
	}
}

// checkInfo wants the fields that pacman shows.
func checkInfo(t *testing.T, name, info string) {
	t.Helper()
	for _, field := range []string{`pkgdesc = \S.*[^.]`, `url = https://.*`, `license = MIT`, `arch = (any|x86_64|aarch64)`} {
		if !regexp.MustCompile(`(?m)^` + field + `$`).MatchString(info) {
			t.Errorf("%s: .PKGINFO has no line %q:\n%s", name, field, info)
		}
	}
	if regexp.MustCompile(`(?m)^pkgdesc = .*\b`+name+`\b( |$)`).MatchString(info) && name == "foobar" {
		t.Errorf("%s: the description has the package's name in it", name)
	}
}

// notCommands are words in the scripts that are commands elsewhere: nouns, verbs
// of systemctl and options of other commands.
var notCommands = []string{"as", "ex", "file", "foobar", "kill", "look", "man", "service", "who"}

// archNames are packages that have another name in Debian.
var archNames = map[string]string{"mawk": "gawk", "dash": "bash", "pacman-package-manager": "pacman", "makepkg": "pacman", "util-linux-extra": "util-linux", "bsdutils": "util-linux"}

// TestPackageDependencies wants a dependency for every command that a script of a package
// runs, and a reason for every dependency: a command, a file that a unit binds, or
// another package of this project.
func TestPackageDependencies(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Built(t, release)
		for _, name := range packages {
			file, _ := readPackage(t, m, name)
			needed := neededPackages(t, m, file)
			var depends []string
			for _, match := range regexp.MustCompile(`(?m)^depend = ([a-z-]+)`).FindAllStringSubmatch(m.Exec(t, "bsdtar", "-xOf", file, ".PKGINFO"), -1) {
				depends = append(depends, match[1])
			}
			for _, n := range needed {
				if !slices.Contains(depends, n) {
					t.Errorf("%s runs commands of %s and does not depend on it", name, n)
				}
			}
			for _, d := range depends {
				if !slices.Contains(needed, d) && !slices.Contains([]string{"foobar", "foobar-policy", "foobar-etcd-policy", "filesystem", "ca-certificates-utils"}, d) {
					t.Errorf("%s depends on %s and runs no command of it", name, d)
				}
			}
		}
	})
}

// neededPackages are the Arch packages whose commands a package's scripts name.
func neededPackages(t *testing.T, m *testbed.Machine, file string) []string {
	t.Helper()
	// Comments, options and the texts of here-documents name no commands.
	words := m.Shell(t, `
scripts() {
  bsdtar -xOf `+file+` 'usr/lib/foobar/*'
  bsdtar -xOf `+file+` .INSTALL | sed "/<<'MESSAGE'/,/^MESSAGE/{/<<'MESSAGE'/!d}"
  bsdtar -xOf `+file+` 'usr/share/libalpm/hooks/*' | sed -n 's/^Exec = //p'
}
{ scripts 2>/dev/null || true; } | sed -E 's/(^|[[:space:]])#.*//; s/[[:space:]]-[a-z]+//g' | { grep -owE '[a-z][a-z0-9-]*' || true; } | sort -u | while read -r word; do
  path=$(type -P "$word") || continue
  echo "$word $(dpkg -S "$(readlink -f "$path")" | cut -d : -f 1)"
done`)
	if words == "" { // the package has no script
		return nil
	}
	needed := []string{"bash"} // runs the scriptlets, and the scripts by their first line
	for line := range strings.Lines(words) {
		f := strings.Fields(line)
		if len(f) != 2 || slices.Contains(notCommands, f[0]) {
			continue
		}
		name := f[1]
		if arch, ok := archNames[name]; ok {
			name = arch
		}
		if !slices.Contains(needed, name) {
			needed = append(needed, name)
		}
	}
	return needed
}
