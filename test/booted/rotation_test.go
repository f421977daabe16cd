//go:build testbed

package booted

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// TestNewCredentialsComeIntoService replaces the files of the credentials. The service
// uses the new ones some seconds later; no request fails, and the process and open
// connections stay.
func TestNewCredentialsComeIntoService(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		expectContains(t, "is-enabled", s.Try("systemctl", "is-enabled", "foobar-credentials-reload.path").Stdout, "enabled")
		pid := show(t, s.Machine, "MainPID")

		s.MakePair(t, "/root/new")
		var clients []*http.Client
		var loops []*testbed.RequestLoop
		for _, h2 := range []bool{false, true} {
			c := s.ClientOf(t, h2, credsDir+"/cert", "/root/new/cert")
			if _, err := testbed.Get(c, baseURL+"/"); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
			loops = append(loops, testbed.StartRequests(s.ClientOf(t, h2, credsDir+"/cert", "/root/new/cert"), baseURL+"/"))
		}
		// One file after the other: in between the certificate does not fit the key.
		s.Shell(t, "cd "+credsDir+"; cp /root/new/cert .cert; cp /root/new/key .key; mv .cert cert; sleep 0.5; mv .key key")
		awaitCertificate(t, s.Machine, "8080", "/root/new/cert")
		awaitReloadUnit(t, s.Machine)
		for _, loop := range loops {
			loop.Stop(t)
		}
		if errors := journal(t, s.Machine, "-p", "warning"); errors != "" {
			t.Errorf("the journal has warnings:\n%s", errors)
		}
		expectProperty(t, s.Machine, "MainPID", pid)
		for _, c := range clients {
			if reused, err := testbed.Get(c, baseURL+"/"); err != nil || !reused {
				t.Errorf("GET over an open connection: %v, reused %v", err, reused)
			}
		}
		s.client = s.ClientOf(t, true, "/root/new/cert")
		s.rotatesTokens(t)
		s.refusesBadPair(t)
	})
}

// TestNewCredentialsFromSpecifiers names the files of the credentials with specifiers and
// with characters that busctl escapes. New files there are loaded, too, in time even if
// the unit has a credential of many bytes, each of which busctl prints as a number.
func TestNewCredentialsFromSpecifiers(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		const place = "/etc/site/foobar-ü"
		s.MakePair(t, place)
		dropIn(t, s.Machine, "foobar.service", "[Service]\nLoadCredential=cert:/etc/site/%N-ü/cert\nLoadCredential=key:/etc/site/%p-ü/key\n"+
			"SetCredential=other:100%\\x20\\n\nSetCredential=large:"+strings.Repeat("x", 10_000)+"\n")
		dropIn(t, s.Machine, "foobar-credentials-reload.path", "[Path]\nPathChanged="+place+"\n")
		s.Exec(t, "systemctl", "restart", "foobar")
		awaitCertificate(t, s.Machine, "8080", place+"/cert")
		s.MakePair(t, "/root/new")
		s.Exec(t, "cp", "/root/new/cert", "/root/new/key", place)
		awaitCertificate(t, s.Machine, "8080", "/root/new/cert")
		awaitReloadUnit(t, s.Machine)
		expectContains(t, "foobar-credentials-reload.service", showUnit(t, s.Machine, "foobar-credentials-reload.service", "Result"), "success")
	})
}

// TestClientAuthoritiesAreWatched creates and replaces the file of the authorities of
// client certificates. The service loads it both times.
func TestClientAuthoritiesAreWatched(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		for n := 1; n <= 2; n++ {
			s.MakePair(t, "/root/new")
			s.Shell(t, "mkdir -p -m 700 /etc/credstore; cp /root/new/cert /etc/credstore/.new; mv /etc/credstore/.new /etc/credstore/foobar.client-ca")
			testbed.Eventually(t, reloadLimit, func() string {
				s.Exec(t, "journalctl", "--sync")
				output := s.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-u", "foobar-credentials-reload.service")
				if got := strings.Count(output, "foobar.service has new credentials"); got != n {
					return fmt.Sprintf("%d reloads for %d changes:\n%s", got, n, output)
				}
				return ""
			})
			awaitReloadUnit(t, s.Machine)
		}
	})
}

// rotatesTokens replaces the token: two are valid, and then the second one alone.
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
		testbed.Eventually(t, reloadLimit, func() string {
			if a, b := statusOf(first), statusOf(second); a != test.first || b != test.then {
				return fmt.Sprintf("the old token gets %d and the new one %d, want %d and %d", a, b, test.first, test.then)
			}
			return ""
		})
		awaitReloadUnit(t, s.Machine)
	}
	s.token = second
}

// refusesBadPair writes a key that does not fit the certificate, which must not be
// used, and then the certificate that fits.
func (s *service) refusesBadPair(t *testing.T) {
	t.Helper()
	before, pid := s.ServedCertificate("8080"), show(t, s.Machine, "MainPID")
	s.MakePair(t, "/root/newer")
	s.Exec(t, "cp", "/root/newer/key", credsDir+"/key")
	testbed.Eventually(t, 2*reloadLimit, func() string {
		if r := s.Try("systemctl", "is-failed", "foobar-credentials-reload.service"); r.Code != 0 {
			return "foobar-credentials-reload.service is " + r.Stdout
		}
		return ""
	})
	if s.ServedCertificate("8080") != before || show(t, s.Machine, "MainPID") != pid {
		t.Error("the certificate or the process has changed")
	}
	expectProperty(t, s.Machine, "ActiveState", "active")
	s.Exec(t, "journalctl", "--sync")
	output := s.Exec(t, "journalctl", "-q", "-b", "-o", "cat", "-p", "err", "-u", "foobar-credentials-reload.service")
	expectContains(t, "the journal", output, "are rejected, and it keeps those in use: ")
	expectContains(t, "the journal", output, "the key does not belong to the certificate")
	expectContains(t, "the status", show(t, s.Machine, "StatusText"), "RELOAD REJECTED")
	expectContains(t, "the metrics", s.Exec(t, "curl", "-sS", metrics+"/metrics"), "foobar_config_last_reload_successful 0\n")

	s.Exec(t, "cp", "/root/newer/cert", credsDir+"/cert")
	awaitCertificate(t, s.Machine, "8080", "/root/newer/cert")
	awaitReloadUnit(t, s.Machine)
	expectContains(t, "foobar-credentials-reload.service", s.Exec(t, "systemctl", "show", "-P", "Result", "foobar-credentials-reload.service"), "success")
	if status := show(t, s.Machine, "StatusText"); strings.Contains(status, "REJECTED") {
		t.Errorf("the status is still %q", status)
	}
	if left := s.Shell(t, "ls -d /run/systemd/system/foobar-credentials-check@* 2>/dev/null || true"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// TestReloadAndEdit loads new credentials by systemctl reload, and then loads them from
// other files that a drop-in of two lines names.
func TestReloadAndEdit(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.Exec(t, "systemctl", "disable", "--now", "foobar-credentials-reload.path")
		s.MakePair(t, "/root/new")
		s.Shell(t, "cp /root/new/* "+credsDir)
		pid := show(t, s.Machine, "MainPID")
		s.Exec(t, "systemctl", "reload", "foobar")
		if got := s.ServedCertificate("8080"); got != s.Certificate(t, "/root/new/cert") {
			t.Error("the new certificate is not served")
		}
		expectProperty(t, s.Machine, "MainPID", pid)

		s.MakePair(t, "/etc/site")
		s.Must(t, testbed.Command{Stdin: "[Service]\nLoadCredential=cert:/etc/site/cert\nLoadCredential=key:/etc/site/key\n",
			Args: []string{"systemctl", "edit", "--stdin", "foobar"}})
		s.Exec(t, "systemctl", "restart", "foobar")
		if got := s.ServedCertificate("8080"); got != s.Certificate(t, "/etc/site/cert") {
			t.Error("the site's certificate is not served")
		}
		s.expiryIsShown(t)
	})
}

// expiryIsShown serves a certificate that expires soon.
func (s *service) expiryIsShown(t *testing.T) {
	t.Helper()
	s.Shell(t, "openssl req -x509 -key /etc/site/key -not_before 20200101000000Z -not_after $(date -u -d '12 days 1 hour' +%Y%m%d%H%M%SZ) -subj /CN=localhost -out /etc/site/cert")
	s.Exec(t, "systemctl", "restart", "foobar")
	expectContains(t, "systemctl status", s.Exec(t, "systemctl", "--no-pager", "status", "foobar"), "CERTIFICATE EXPIRES IN 12 DAYS, ")
	expectContains(t, "journalctl -p warning", journal(t, s.Machine, "-p", "warning"), "the certificate expires soon")
}

// awaitCertificate waits until new connections to a port get the certificate of a
// file.
func awaitCertificate(t *testing.T, m *testbed.Machine, port, file string) {
	t.Helper()
	want := m.Certificate(t, file)
	testbed.Eventually(t, reloadLimit, func() string {
		if m.ServedCertificate(port) != want {
			return "the certificate of " + file + " is not served"
		}
		return ""
	})
}

// awaitReloadUnit waits until the service that the path unit has started ends.
func awaitReloadUnit(t *testing.T, m *testbed.Machine) {
	t.Helper()
	testbed.Eventually(t, reloadLimit, func() string {
		state := strings.TrimSpace(m.Exec(t, "systemctl", "show", "-P", "ActiveState", "foobar-credentials-reload.service"))
		if state != "inactive" && state != "failed" {
			return "foobar-credentials-reload.service is " + state
		}
		return ""
	})
}
