//go:build testbed

package booted

import (
	"regexp"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const repositoryDoc = "../../docs/repository.md"

// A publisher builds and signs packages on a machine that then installs them.
type publisher struct {
	*testbed.Machine
	t *testing.T
}

// as runs a script in the clone as the user who builds, and answers questions with
// "yes".
func (p publisher) as(script string, env ...string) string {
	p.t.Helper()
	return p.Must(p.t, testbed.Command{User: "builder", Dir: testbed.Clone, Env: env, Stdin: strings.Repeat("y\n", 100),
		Args: []string{"bash", "-euo", "pipefail", "-c", script}})
}

// TestSignedRepository runs the commands of docs/repository.md, from a key to an installed
// package. Then pacman refuses each manipulation that the document lists.
func TestSignedRepository(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		p := publisher{machines.Built(t, release), t}
		do := documents.Scripts(t, repositoryDoc)
		// gpg asks for no passphrase.
		p.as(`mkdir -m 700 ~/.gnupg
printf 'batch\npinentry-mode loopback\npassphrase ""\n' >~/.gnupg/gpg.conf
` + testbed.SkipCheck)

		output := p.as(do["A key"])
		digits := regexp.MustCompile(`(?m)^ +((?:[0-9A-F]{4} +){9}[0-9A-F]{4})$`).FindStringSubmatch(output)
		if digits == nil {
			t.Fatalf("no fingerprint in\n%s", output)
		}
		p.as(do["Build and publish"])
		p.as(do["On each machine"], "fingerprint="+strings.ReplaceAll(digits[1], " ", ""))
		p.Exec(t, "systemctl", "enable", "--now", "foobar")
		connect(t, p.Machine).store(t, "from a signed repository")
		expectContains(t, "pacman -Qi", p.Exec(t, "pacman", "-Qi", "foobar"), "SHA-256 Sum  Signature\n")
		p.Exec(t, "systemctl", "disable", "--now", "foobar")

		p.refuses()
		p.remove()
		if r := p.install(); r.Code != 0 {
			t.Errorf("the repository as it was is refused:\n%s%s", r.Stdout, r.Stderr)
		}
	})
}

// tampering has a script for each row of the document's table. It runs in /srv/repo;
// $package is the file of foobar. An empty frame of zstd does not change what is
// unpacked.
var tampering = map[string]string{
	"a package that was changed":                               `printf x | dd status=none of=$package bs=1 seek=1000 conv=notrunc`,
	"a changed package in a list that has its new checksum":    `zstd -qc </dev/null >>$package; list packages`,
	"a package without a signature":                            `rm $package.sig`,
	"a package signed by a key that the machine does not have": `sign stranger; list packages`,
	"a list that was changed": `
cp foobar.db.tar.zst.sig /tmp/signature; repo-remove -q foobar.db.tar.zst foobar-policy
cp /tmp/signature foobar.db.tar.zst.sig`,
	"a list signed by a key that the machine does not have": `rm foobar.db*; list stranger`,
	"a list without a signature":                            `rm foobar.db.sig foobar.db.tar.zst.sig`,
	"a package signed by a key that the machine has and nobody has signed": `
sign stranger; list packages; gpg --export stranger@example.org >/tmp/stranger; sudo pacman-key --add /tmp/stranger`,
}

const tamper = `
sign() { rm $package.sig; gpg -q -u $1@example.org --detach-sign $package; }
list() { repo-add -q --sign --key $1@example.org foobar.db.tar.zst *.pkg.tar.zst; }
cd /srv/repo; package=$(echo foobar-[0-9]*.pkg.tar.zst)
`

// refuses manipulates the repository in each way of the document. pacman must not
// install from it.
func (p publisher) refuses() {
	p.t.Helper()
	p.as(`gpg -q --quick-generate-key 'stranger <stranger@example.org>' ed25519 sign never; cp -a /srv/repo ~/as-it-was`)
	rows := documents.Table(p.t, repositoryDoc, "What is refused")
	if len(rows) != len(tampering) {
		p.t.Errorf("%s has %d rows, and %d are tried", repositoryDoc, len(rows), len(tampering))
	}
	for _, row := range rows {
		what := row[0]
		script, ok := tampering[what]
		if !ok {
			p.t.Errorf("%q is not tried", what)
			continue
		}
		p.remove()
		p.as(tamper + script)
		r := p.install()
		if r.Code == 0 {
			p.t.Errorf("%s: pacman succeeds\n%s", what, r.Stdout)
		}
		for _, says := range documents.CodeSpans(row[1]) {
			expectContains(p.t, what, r.Stdout+r.Stderr, says)
		}
		if r := p.Try("pacman", "-Q", "foobar"); r.Code == 0 {
			p.t.Errorf("%s: installed", what)
		}
		p.as(`rm -r /srv/repo/*; cp -a ~/as-it-was/. /srv/repo`)
	}
}

func (p publisher) install() testbed.Result {
	return p.Try("pacman", "-Syyu", "--noconfirm", "--noprogressbar", "foobar")
}

// remove removes the packages, cached copies of them and the lists.
func (p publisher) remove() {
	p.t.Helper()
	p.Shell(p.t, `! pacman -Q foobar 2>/dev/null || pacman -Rns --noconfirm foobar; rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*`)
}
