//go:build testbed

package booted

import (
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// credentialSums returns checksums of the credentials, which no message may show.
func credentialSums(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	return m.Exec(t, "sha256sum", credsDir+"/cert", credsDir+"/key", credsDir+"/token")
}

func TestGeneratedCredentials(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		for path, want := range map[string]string{
			credsDir:            "700 root:root",
			credsDir + "/cert":  "600 root:root",
			credsDir + "/key":   "600 root:root",
			credsDir + "/token": "600 root:root",
		} {
			if got := mode(path, s.Machine, t); got != want {
				t.Errorf("%s is %s, want %s", path, got, want)
			}
		}
		if out := s.Exec(t, "ls", "-A", credsDir); out != "cert\nkey\ntoken\n" {
			t.Errorf("%s holds\n%s", credsDir, out)
		}
		expectContains(t, "openssl x509", s.Exec(t, "openssl", "x509", "-noout", "-text", "-in", credsDir+"/cert"), "prime256v1")
		// Clients that use OpenSSL accept the certificate too.
		expectContains(t, "curl", s.Exec(t, "curl", "-sS", "--cacert", credsDir+"/cert", baseURL), "no state")
	})
}

func TestCredentialsAreNeverOverwritten(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		before := strings.SplitAfter(credentialSums(t, s.Machine), "\n")
		s.Exec(t, "systemctl", "restart", "foobar")
		if after := credentialSums(t, s.Machine); after != strings.Join(before, "") {
			t.Errorf("credentials were\n%sand are after a restart\n%s", before, after)
		}

		s.Exec(t, "rm", credsDir+"/token")
		s.Exec(t, "systemctl", "restart", "foobar")
		after := strings.SplitAfter(credentialSums(t, s.Machine), "\n")
		if after[0] != before[0] || after[1] != before[1] || after[2] == before[2] {
			t.Errorf("credentials were\n%sand are after the loss of the token\n%s", before, after)
		}
		s.do(t, 401, "POST", "/", "x", s.bearer())
		connect(t, s.Machine).store(t, "with the new token")
	})
}

// siteCertificate makes a certificate and its key for site.example.
func siteCertificate(t *testing.T, m *testbed.Machine, cert, key string) {
	t.Helper()
	m.Exec(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
		"-subj", "/CN=site.example", "-addext", "subjectAltName=DNS:site.example", "-out", cert, "-keyout", key)
}

func TestSiteCertificateInPlace(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		siteCertificate(t, m, credsDir+"/cert", credsDir+"/key")
		before := m.Exec(t, "sha256sum", credsDir+"/cert", credsDir+"/key")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		if after := m.Exec(t, "sha256sum", credsDir+"/cert", credsDir+"/key"); after != before {
			t.Errorf("the site's credentials were\n%sand are\n%s", before, after)
		}
		s := connect(t, m)
		if r, err := s.send("GET", "https://site.example:8080/", ""); err != nil || r.StatusCode != 404 {
			t.Errorf("GET: %v, %v", r.Response, err)
		}
	})
}

// TestLinkedCredentials has a symbolic link in the place of the directory of the
// credentials. Missing ones are made, new ones come into service, and the service cannot
// open the stored ones.
func TestLinkedCredentials(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Shell(t, "mkdir -m 700 /srv/linked; rmdir "+credsDir+"; ln -s /srv/linked "+credsDir)
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.do(t, 404, "GET", "/", "")
		m.MakePair(t, "/root/new")
		m.Shell(t, "cp /root/new/* "+credsDir)
		awaitCertificate(t, m, "8080", "/root/new/cert")
		awaitReloadUnit(t, m)
		if root := "/proc/" + show(t, m, "MainPID") + "/root"; m.Try("test", "-e", root+"/srv").Code == 0 {
			t.Error("the target of the link is in the service's root directory")
		}
	})
}

func TestSiteCertificateByDropIn(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Exec(t, "mkdir", "/etc/site")
		siteCertificate(t, m, "/etc/site/fullchain.pem", "/etc/site/privkey.pem")
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=cert:/etc/site/fullchain.pem\nLoadCredential=key:/etc/site/privkey.pem\n")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.client = m.Client(t, "/etc/site/fullchain.pem")
		if r, err := s.send("POST", "https://site.example:8080/", "x", s.bearer()); err != nil || r.text != "ok" {
			t.Errorf("POST: %q, %v", r.text, err)
		}
	})
}

func TestNoTokenMeansNoWrite(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		dropIn(t, m, "foobar.service", "[Service]\nLoadCredential=\nLoadCredential=cert:"+credsDir+"/cert\nLoadCredential=key:"+credsDir+"/key\n")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.do(t, 403, "POST", "/", "x", s.bearer())
		s.do(t, 403, "POST", "/", "x", "Authorization: Bearer ")
		s.do(t, 403, "PUT", "/", "x")
		s.do(t, 404, "GET", "/", "")
	})
}

func TestUnusableCertificateIsWrongConfiguration(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		siteCertificate(t, m, credsDir+"/cert", credsDir+"/key")
		siteCertificate(t, m, credsDir+"/cert", "/root/another-key")
		expectRefusedStart(t, m, "certificate")
	})
}
