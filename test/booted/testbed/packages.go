//go:build testbed

package testbed

import "os"

// Packages is the directory of the built packages in a machine: v1 from the source
// as it is, v2 from the source with the next pkgrel.
const Packages = "/srv/packages"

// NextMark is the line that v2 adds to conf.yaml.
const NextMark = "# The next version has this line."

// Clone is the clone of the source in which the user builder has built v1.
const Clone = "/home/builder/foobar"

// SecondCache is a build cache that all machines share, beside the one in which builds
// find what was compiled. Neither has a package from the other.
const SecondCache = "/srv/second-cache"

// LockedMakepkg is makepkg, one at a time on all machines with one build cache. Without
// the lock, machines that start with an empty cache compile each package at the same time.
const LockedMakepkg = `flock "${GOCACHE:-/home/builder/.cache/go-build}/testbed.lock" makepkg`

// SkipCheck lets makepkg leave check() out, whichever way it is called. TestCleanRootBuilds
// runs it.
const SkipCheck = "echo 'BUILDENV+=(!check)' >~/.makepkg.conf"

// build builds the packages as an ordinary user in a clean clone. Their own tests
// run in TestCleanRootBuilds. With FOOBAR_V1=1 it builds v1 of foobar and foobar-policy
// alone, which is enough for a test that neither upgrades nor adds a package.
func build(m *Machine) error {
	if os.Getenv("FOOBAR_V1") != "" {
		return m.runScript("builder", buildService)
	}
	return m.runScript("builder", buildService+buildOthers)
}

const buildService = `
git clone -q /srv/source ` + Clone + `
cd ` + Clone + `
export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
` + LockedMakepkg + ` -cCf --noconfirm --nocheck
install -D -t ` + Packages + `/v1 ./*.pkg.tar.zst
`

const buildOthers = `
for dir in outbound etcd; do
  (cd $dir && ` + LockedMakepkg + ` -cCfd --noconfirm --nocheck && install -t ` + Packages + `/v1 ./*.pkg.tar.zst && rm ./*.pkg.tar.zst)
done

git clone -q . ../next
cd ../next
sed -i 's/^pkgrel=.*/pkgrel=2/' PKGBUILD
echo '` + NextMark + `' >>src/config/conf.yaml
makepkg -cCf --noconfirm --nocheck
install -D -t ` + Packages + `/v2 ./*.pkg.tar.zst
for dir in outbound etcd; do
  (cd $dir && sed -i 's/^pkgrel=.*/pkgrel=2/' PKGBUILD && makepkg -cCfd --noconfirm --nocheck && install -t ` + Packages + `/v2 ./*.pkg.tar.zst)
done
`

// install makes a repository of the built packages, and installs from it.
func install(m *Machine) error {
	return m.runScript("root", Publish+`
publish v1
cat >>/etc/pacman.conf <<END

[foobar]
SigLevel = Optional TrustAll
Server = file://`+Packages+`/repo
END
pacman -Sy --noconfirm --noprogressbar foobar
`)
}

// Publish defines a shell function that adds the packages of a directory of
// Packages, v1 or v2, to the repository.
const Publish = `
publish() {
  mkdir -p ` + Packages + `/repo
  cp -t ` + Packages + `/repo ` + Packages + `/"$1"/*.pkg.tar.zst
  repo-add -q ` + Packages + `/repo/foobar.db.tar.zst ` + Packages + `/"$1"/*.pkg.tar.zst
}
`
