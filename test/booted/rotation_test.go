//go:build testbed

package booted

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// taken is how long new credentials may take to come into service by
// themselves: foobar-credentials-reload.service looks twice.
const taken = 30 * time.Second

// newPair makes a certificate and key for localhost in dir of the machine.
func newPair(t *testing.T, m *testbed.Machine, dir string) {
	t.Helper()
	m.Shell(t, `rm -rf "`+dir+`"; mkdir -p "`+dir+`"; cd "`+dir+`"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,DNS:site.example -out cert -keyout key 2>/dev/null`)
}

// served is the certificate that a new connection gets, in PEM.
func served(m *testbed.Machine) string { return servedAt(m, "8080") }

func servedAt(m *testbed.Machine, port string) string {
	// Not verified, only looked at.
	return m.Try("bash", "-c", "openssl s_client -connect localhost:"+port+" </dev/null 2>/dev/null | openssl x509").Stdout
}

// isServed waits until new connections get the certificate in a file.
func isServed(t *testing.T, m *testbed.Machine, file string) {
	t.Helper()
	isServedAt(t, m, "8080", file)
}

func isServedAt(t *testing.T, m *testbed.Machine, port, file string) {
	t.Helper()
	want := m.Exec(t, "openssl", "x509", "-in", file)
	testbed.Eventually(t, taken, func() string {
		if servedAt(m, port) != want {
			return "the certificate of " + file + " is not served"
		}
		return ""
	})
}

// settled waits until what the path unit has started is over.
func settled(t *testing.T, m *testbed.Machine) {
	t.Helper()
	testbed.Eventually(t, taken, func() string {
		state := strings.TrimSpace(m.Exec(t, "systemctl", "show", "-P", "ActiveState", "foobar-credentials-reload.service"))
		if state != "inactive" && state != "failed" {
			return "foobar-credentials-reload.service is " + state
		}
		return ""
	})
}

// trusting is a client with connections of its own that trusts these files'
// certificates.
func (s *service) trusting(t *testing.T, h2 bool, files ...string) *http.Client {
	t.Helper()
	c := s.Client(t, files[0])
	tr := c.Transport.(*http.Transport)
	for _, file := range files[1:] {
		tr.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(s.Read(t, file)))
	}
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP1(!h2)
	tr.Protocols.SetHTTP2(h2)
	return c
}

// get sends a GET and says whether it went over a connection that was there.
func get(c *http.Client) (reused bool, err error) {
	req, err := http.NewRequest("GET", baseURL+"/", nil)
	if err != nil {
		return false, err
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	resp, err := c.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return reused, fmt.Errorf("GET: %s", resp.Status)
	}
	// A connection is used again once its response was read.
	_, err = io.Copy(io.Discard, resp.Body)
	return reused, err
}

// A steady client asks without a pause, and counts what fails.
type steady struct {
	stop     chan struct{}
	done     sync.WaitGroup
	asked    int
	failures []error
}

func ask(c *http.Client) *steady {
	s := &steady{stop: make(chan struct{})}
	s.done.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			s.asked++
			if _, err := get(c); err != nil {
				s.failures = append(s.failures, err)
			}
		}
	})
	return s
}

func (s *steady) end(t *testing.T) {
	t.Helper()
	close(s.stop)
	s.done.Wait()
	if s.asked < 10 || len(s.failures) > 0 {
		t.Errorf("of %d requests %d failed: %v", s.asked, len(s.failures), s.failures)
	}
}

// New files in the place of the old ones are in service a moment later, and
// no request fails for it.
func TestNewCredentialsComeIntoService(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		wantContains(t, "is-enabled", s.Try("systemctl", "is-enabled", "foobar-credentials-reload.path").Stdout, "enabled")
		pid := show(t, s.Machine, "MainPID")

		newPair(t, s.Machine, "/root/new")
		var clients []*http.Client
		var all []*steady
		for _, h2 := range []bool{false, true} {
			c := s.trusting(t, h2, credsDir+"/cert", "/root/new/cert")
			if _, err := get(c); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
			all = append(all, ask(s.trusting(t, h2, credsDir+"/cert", "/root/new/cert")))
		}
		// One after the other, by rename: in between the pair does not fit.
		s.Shell(t, "cd "+credsDir+"; cp /root/new/cert .cert; cp /root/new/key .key; mv .cert cert; sleep 0.5; mv .key key")
		isServed(t, s.Machine, "/root/new/cert")
		settled(t, s.Machine)
		for _, a := range all {
			a.end(t)
		}
		if errors := journal(t, s.Machine, "-p", "warning"); errors != "" {
			t.Errorf("warnings on the way:\n%s", errors)
		}
		wantProperty(t, s.Machine, "MainPID", pid)
		for _, c := range clients {
			if reused, err := get(c); err != nil || !reused {
				t.Errorf("an open connection: %v, used again %v", err, reused)
			}
		}
		s.client = s.trusting(t, true, "/root/new/cert")
		s.rotatesTokens(t)
		s.refusesBadPair(t)
	})
}

// rotatesTokens writes by two tokens at once, and by the second alone.
func (s *service) rotatesTokens(t *testing.T) {
	t.Helper()
	first := s.token
	const second = "the-token-of-tomorrow"
	statusOf := func(token string) int {
		r, err := s.send("POST", baseURL+"/", "kept", "Authorization: Bearer "+token)
		if err != nil {
			return 0
		}
		return r.StatusCode
	}
	for _, test := range []struct {
		file        string
		first, then int
	}{
		{"# until Friday\n" + first + "\n" + second + "\n", 200, 200},
		{second + "\n", 401, 200},
	} {
		s.Write(t, credsDir+"/token", test.file)
		testbed.Eventually(t, taken, func() string {
			if a, b := statusOf(first), statusOf(second); a != test.first || b != test.then {
				return fmt.Sprintf("the old token has %d and the new one %d, want %d and %d", a, b, test.first, test.then)
			}
			return ""
		})
		settled(t, s.Machine)
	}
	s.token = second
}

// refusesBadPair brings a key that does not fit, and then the one that does.
func (s *service) refusesBadPair(t *testing.T) {
	t.Helper()
	before, pid := served(s.Machine), show(t, s.Machine, "MainPID")
	newPair(t, s.Machine, "/root/newer")
	s.Exec(t, "cp", "/root/newer/key", credsDir+"/key")
	testbed.Eventually(t, 2*taken, func() string {
		if r := s.Try("systemctl", "is-failed", "foobar-credentials-reload.service"); r.Code != 0 {
			return "foobar-credentials-reload.service is " + r.Stdout
		}
		return ""
	})
	if served(s.Machine) != before || show(t, s.Machine, "MainPID") != pid {
		t.Error("the bad pair has changed what is served")
	}
	wantProperty(t, s.Machine, "ActiveState", "active")
	s.Exec(t, "journalctl", "--sync")
	said := s.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-p", "err", "-u", "foobar-credentials-reload.service")
	wantContains(t, "the journal", said, "cannot be used, those in use stay: ")
	wantContains(t, "the journal", said, "private key does not match public key")
	wantContains(t, "the status", show(t, s.Machine, "StatusText"), "RELOAD REFUSED")
	wantContains(t, "the metrics", s.Exec(t, "curl", "-sS", metrics+"/metrics"), "foobar_config_last_reload_successful 0\n")

	s.Exec(t, "cp", "/root/newer/cert", credsDir+"/cert")
	isServed(t, s.Machine, "/root/newer/cert")
	settled(t, s.Machine)
	wantContains(t, "foobar-credentials-reload.service", s.Exec(t, "systemctl", "show", "-P", "Result", "foobar-credentials-reload.service"), "success")
	if status := show(t, s.Machine, "StatusText"); strings.Contains(status, "REFUSED") {
		t.Errorf("the status is still %q", status)
	}
	if left := s.Shell(t, "ls -d /run/systemd/system/foobar-credentials-check@* 2>/dev/null || true"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// An administrator's reload takes what is there, and `systemctl edit` with two
// lines is all that other places need.
func TestReloadAndEdit(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.Exec(t, "systemctl", "disable", "--now", "foobar-credentials-reload.path")
		newPair(t, s.Machine, "/root/new")
		s.Shell(t, "cp /root/new/* "+credsDir)
		pid := show(t, s.Machine, "MainPID")
		s.Exec(t, "systemctl", "reload", "foobar")
		if got := served(s.Machine); got != s.Exec(t, "openssl", "x509", "-in", "/root/new/cert") {
			t.Error("the new certificate is not served")
		}
		wantProperty(t, s.Machine, "MainPID", pid)

		newPair(t, s.Machine, "/etc/site")
		s.Must(t, testbed.Command{Stdin: "[Service]\nLoadCredential=cert:/etc/site/cert\nLoadCredential=key:/etc/site/key\n",
			Args: []string{"systemctl", "edit", "--stdin", "foobar"}})
		s.Exec(t, "systemctl", "restart", "foobar")
		if got := served(s.Machine); got != s.Exec(t, "openssl", "x509", "-in", "/etc/site/cert") {
			t.Error("the site's certificate is not served")
		}
		s.expiryIsShown(t)
	})
}

// expiryIsShown lets the certificate be near its end.
func (s *service) expiryIsShown(t *testing.T) {
	t.Helper()
	s.Shell(t, "openssl req -x509 -key /etc/site/key -not_before 20200101000000Z -not_after $(date -u -d '12 days 1 hour' +%Y%m%d%H%M%SZ) -subj /CN=localhost -out /etc/site/cert")
	s.Exec(t, "systemctl", "restart", "foobar")
	wantContains(t, "systemctl status", s.Exec(t, "systemctl", "--no-pager", "status", "foobar"), "CERTIFICATE EXPIRES IN 12 DAYS, ")
	wantContains(t, "journalctl -p warning", journal(t, s.Machine, "-p", "warning"), "the certificate expires soon")
}

const examples = "/usr/share/doc/foobar/examples"

// useExample does what examples/README says.
func useExample(t *testing.T, m *testbed.Machine, name string) {
	t.Helper()
	m.Exec(t, "bash", "-euc", "rm -rf /etc/systemd/system/foobar*.d; cp -r "+examples+"/"+name+"/* /etc/systemd/system/; systemctl daemon-reload; systemctl restart foobar")
}

// The installed examples work as they are, and what the usual tools do to the
// files comes into service by itself.
func TestExamples(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		m := s.Machine
		s.store(t, "kept")
		renewed := func(name string) {
			t.Helper()
			isServed(t, m, "/root/new/cert")
			settled(t, m)
			s.client = s.trusting(t, true, "/root/new/cert")
			s.holds(t, "kept")
			if r := m.Try("systemctl", "is-failed", "foobar.service", "foobar-credentials-reload.service"); strings.Contains(r.Stdout, "failed") {
				t.Errorf("%s: %s", name, r.Stdout)
			}
		}

		// As certbot keeps them: the live names are links, set anew one by one. It
		// removes and makes them; others rename.
		const anew, renamed = `rm -f "$2"; ln -s "$1" "$2"`, `ln -s "$1" "$2.new"; mv -T "$2.new" "$2"`
		certbot := func(n int, link string) {
			newPair(t, m, "/root/new")
			m.Shell(t, fmt.Sprintf(`n=%d archive=/etc/letsencrypt/archive/example.com live=/etc/letsencrypt/live/example.com
mkdir -p -m 700 $archive $live
cp /root/new/cert $archive/fullchain$n.pem
cp /root/new/key $archive/privkey$n.pem
for kind in privkey fullchain; do
  bash -euc '%s' link ../../archive/example.com/$kind$n.pem $live/$kind.pem
  sleep 0.2
done`, n, link))
		}
		certbot(1, anew)
		useExample(t, m, "letsencrypt")
		renewed("letsencrypt, at first")
		certbot(2, anew)
		renewed("letsencrypt")
		certbot(3, renamed)
		renewed("letsencrypt, links renamed")

		bundle := func() {
			newPair(t, m, "/root/new")
			m.Shell(t, "mkdir -p -m 700 /etc/ssl/private; cd /etc/ssl/private; cat /root/new/cert /root/new/key >.new; mv .new example.com.pem")
		}
		bundle()
		useExample(t, m, "pem-bundle")
		renewed("pem-bundle, at first")
		bundle()
		renewed("pem-bundle")

		encrypt := func() {
			newPair(t, m, "/root/new")
			m.Shell(t, `mkdir -p -m 700 /etc/credstore.encrypted; cp `+credsDir+`/token /root/new
for name in key cert token; do
  systemd-creds encrypt --with-key=host --name=$name /root/new/$name /etc/credstore.encrypted/foobar.$name 2>/dev/null
done`)
		}
		encrypt()
		useExample(t, m, "encrypted")
		renewed("encrypted, at first")
		if key := strings.Split(m.Read(t, "/root/new/key"), "\n")[1]; m.Try("grep", "-r", key, "/etc/credstore.encrypted").Code == 0 {
			t.Error("the key is stored in the clear")
		}
		encrypt()
		renewed("encrypted")

		store := func() {
			newPair(t, m, "/root/new")
			m.Shell(t, `mkdir -p -m 700 /etc/credstore; rm -rf /etc/credstore.encrypted; cp `+credsDir+`/token /root/new
for name in key cert token; do cp /root/new/$name /etc/credstore/foobar.$name; done`)
		}
		store()
		useExample(t, m, "import")
		renewed("import, at first")
		store()
		renewed("import")
		s.store(t, "by the imported token")
	})
}

// clientAuthority makes an authority in the machine, and a client's certificate
// and key for curl(1), in dir.
func clientAuthority(t *testing.T, m *testbed.Machine, dir string) {
	t.Helper()
	m.Shell(t, `mkdir -p `+dir+`; cd `+dir+`
ec() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }
ec -x509 -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
ec -subj /CN=writer -keyout client.key -out client.csr
openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -days 30 -extfile <(echo extendedKeyUsage=clientAuth) -out client.pem 2>/dev/null`)
}

// curl is the status that curl(1) gets, 000 without one.
func (s *service) curl(args ...string) string {
	args = append([]string{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", credsDir + "/cert", baseURL}, args...)
	return s.Try(args...).Stdout
}

func TestClientCertificates(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		clientAuthority(t, s.Machine, "/root/ours")
		clientAuthority(t, s.Machine, "/root/others")
		ours := []string{"--cert", "/root/ours/client.pem", "--key", "/root/ours/client.key"}
		others := []string{"--cert", "/root/others/client.pem", "--key", "/root/others/client.key"}
		want := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}

		s.Exec(t, "cp", "/root/ours/ca.pem", credsDir+"/client-ca")
		s.Write(t, confFile, "access:\n  read: anyone\n  write: certificate\n")
		useExample(t, s.Machine, "client-certificates")
		for _, version := range []string{"--http1.1", "--http2-prior-knowledge"} {
			want("write without", s.curl(version, "-d", "x", "-H", s.bearer()), "403")
			want("write with", s.curl(append(ours, version, "-d", "x")...), "200")
			want("write with another's", s.curl(append(others, version, "-d", "x")...), "000")
			want("read without", s.curl(version), "200")
		}
		names := s.Try("bash", "-c", "openssl s_client -connect localhost:8080 </dev/null 2>/dev/null").Stdout
		wantContains(t, "openssl s_client", names, "CN=authority")

		s.Write(t, confFile, "access:\n  read: certificate\n  write: certificate\n")
		s.Exec(t, "systemctl", "reload", "foobar")
		want("read without, for all", s.curl(), "000")
		want("read with, for all", s.curl(ours...), "200")
		refused := s.Try("bash", "-c", "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | openssl s_client -quiet -connect localhost:8080 2>&1").Stdout
		wantContains(t, "openssl s_client", refused, "certificate required")
		go13 := s.trusting(t, true, credsDir+"/cert")
		pair, err := tls.X509KeyPair([]byte(s.Read(t, "/root/ours/client.pem")), []byte(s.Read(t, "/root/ours/client.key")))
		if err != nil {
			t.Fatal(err)
		}
		go13.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{pair}
		if _, err := get(go13); err != nil {
			t.Errorf("Go's client: %v", err)
		}

		// Another authority, by itself; the credential in its other place.
		s.Exec(t, "cp", "/root/others/ca.pem", credsDir+"/client-ca")
		testbed.Eventually(t, taken, func() string {
			if a, b := s.curl(ours...), s.curl(others...); a != "000" || b != "200" {
				return fmt.Sprintf("ours has %s, others' %s", a, b)
			}
			return ""
		})
		settled(t, s.Machine)
		s.Shell(t, "rm -r /etc/systemd/system/foobar*.d; mkdir -p /etc/credstore; cp /root/ours/ca.pem /etc/credstore/foobar.client-ca; systemctl daemon-reload; systemctl restart foobar")
		want("from the credential store", s.curl(ours...), "200")
		want("from the credential store, another's", s.curl(others...), "000")

		s.Exec(t, "rm", "/etc/credstore/foobar.client-ca")
		if r := s.Try("systemctl", "restart", "foobar"); r.Code == 0 {
			t.Error("starts without authorities")
		}
		wantProperty(t, s.Machine, "ExecMainStatus", "78")
		wantContains(t, "the journal", journal(t, s.Machine, "-p", "err"), "access.read is certificate, and there is no client-ca credential")
	})
}
