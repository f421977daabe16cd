//go:build testbed

package booted

import (
	"fmt"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

const examples = "/usr/share/doc/foobar/examples"

// useExample installs an example as examples/README describes it.
func useExample(t *testing.T, m *testbed.Machine, name string) {
	t.Helper()
	m.Exec(t, "bash", "-euc", "rm -rf /etc/systemd/system/foobar*.d; cp -r "+examples+"/"+name+"/* /etc/systemd/system/; systemctl daemon-reload; systemctl restart foobar")
}

// TestJournalNamespace looks for the entries of the service in its own journal, where all
// of them are, and in the machine's, where none is.
func TestJournalNamespace(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		useExample(t, m, "journal-namespace")
		m.Exec(t, "systemctl", "reload", "foobar")
		count := func(args ...string) int {
			t.Helper()
			args = append([]string{"journalctl", "-q", "-b", "-o", "cat", "FOOBAR_CONFIG=" + confFile, "_SYSTEMD_INVOCATION_ID=" + show(t, m, "InvocationID")}, args...)
			return strings.Count(m.Exec(t, args...), "\n")
		}
		testbed.Eventually(t, reloadLimit, func() string {
			if n := count("--namespace=foobar"); n != 2 {
				return fmt.Sprintf("%d entries of a start and a reload in the service's journal", n)
			}
			return ""
		})
		if n := count(); n != 0 {
			t.Errorf("%d entries of the service are in the machine's journal", n)
		}
		// No socket of the journal can be reached by a path.
		if r := m.Try("ls", "/proc/"+show(t, m, "MainPID")+"/root/run/systemd/journal/socket"); r.Code == 0 {
			t.Error("the journal's sockets are inside")
		}
	})
}

// TestExamples installs the examples unchanged. The service loads files that certbot and
// similar tools replace.
func TestExamples(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		m := s.Machine
		s.store(t, "kept")
		expectRenewed := func(name string) {
			t.Helper()
			awaitCertificate(t, m, "8080", "/root/new/cert")
			awaitReloadUnit(t, m)
			s.client = s.ClientOf(t, true, "/root/new/cert")
			s.expectState(t, "kept")
			if r := m.Try("systemctl", "is-failed", "foobar.service", "foobar-credentials-reload.service"); strings.Contains(r.Stdout, "failed") {
				t.Errorf("%s: %s", name, r.Stdout)
			}
		}

		// certbot keeps links, and replaces one after the other: it removes the old
		// link and makes a new one. Other tools rename a new link.
		const removed, renamed = `rm -f "$2"; ln -s "$1" "$2"`, `ln -s "$1" "$2.new"; mv -T "$2.new" "$2"`
		certbot := func(n int, link string) {
			m.MakePair(t, "/root/new")
			m.Shell(t, fmt.Sprintf(`n=%d archive=/etc/letsencrypt/archive/example.com live=/etc/letsencrypt/live/example.com
mkdir -p -m 700 $archive $live
cp /root/new/cert $archive/fullchain$n.pem
cp /root/new/key $archive/privkey$n.pem
for kind in privkey fullchain; do
  bash -euc '%s' link ../../archive/example.com/$kind$n.pem $live/$kind.pem
  sleep 0.2
done`, n, link))
		}
		certbot(1, removed)
		useExample(t, m, "letsencrypt")
		expectRenewed("letsencrypt, first use")
		certbot(2, removed)
		expectRenewed("letsencrypt")
		certbot(3, renamed)
		expectRenewed("letsencrypt, renamed links")

		bundle := func() {
			m.MakePair(t, "/root/new")
			m.Shell(t, "mkdir -p -m 700 /etc/ssl/private; cd /etc/ssl/private; cat /root/new/cert /root/new/key >.new; mv .new example.com.pem")
		}
		bundle()
		useExample(t, m, "pem-bundle")
		expectRenewed("pem-bundle, first use")
		bundle()
		expectRenewed("pem-bundle")

		encrypt := func() {
			m.MakePair(t, "/root/new")
			m.Shell(t, `mkdir -p -m 700 /etc/credstore.encrypted; cp `+credsDir+`/token /root/new
for name in key cert token; do
  systemd-creds encrypt --with-key=host --name=$name /root/new/$name /etc/credstore.encrypted/foobar.$name 2>/dev/null
done`)
		}
		encrypt()
		useExample(t, m, "encrypted")
		expectRenewed("encrypted, first use")
		if key := strings.Split(m.Read(t, "/root/new/key"), "\n")[1]; m.Try("grep", "-r", key, "/etc/credstore.encrypted").Code == 0 {
			t.Error("the key is stored in the clear")
		}
		encrypt()
		expectRenewed("encrypted")

		store := func() {
			m.MakePair(t, "/root/new")
			m.Shell(t, `mkdir -p -m 700 /etc/credstore; rm -rf /etc/credstore.encrypted; cp `+credsDir+`/token /root/new
for name in key cert token; do cp /root/new/$name /etc/credstore/foobar.$name; done`)
		}
		store()
		useExample(t, m, "import")
		expectRenewed("import, first use")
		store()
		expectRenewed("import")
		s.store(t, "by the imported token")
	})
}
