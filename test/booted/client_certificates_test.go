//go:build testbed

package booted

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	"foobar/test/booted/testbed"
)

// clientAuthority makes an authority, and a client's certificate and key, in dir.
func clientAuthority(t *testing.T, m *testbed.Machine, dir string) {
	t.Helper()
	m.Shell(t, `mkdir -p `+dir+`; cd `+dir+`
ec() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }
ec -x509 -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
ec -subj /CN=writer -keyout client.key -out client.csr
openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -days 30 -extfile <(echo extendedKeyUsage=clientAuth) -out client.pem 2>/dev/null`)
}

// curl returns the status that curl(1) gets, and 000 without a response.
func (s *service) curl(args ...string) string {
	args = append([]string{"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", credsDir + "/cert", baseURL}, args...)
	return s.Try(args...).Stdout
}

// TestClientCertificates sends requests with certificates of the configured authority, of
// another one, and without a certificate.
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
		expectContains(t, "openssl s_client", names, "CN=authority")

		s.Write(t, confFile, "access:\n  read: certificate\n  write: certificate\n")
		s.Exec(t, "systemctl", "reload", "foobar")
		want("read without, for all", s.curl(), "000")
		want("read with, for all", s.curl(ours...), "200")
		refused := s.Try("bash", "-c", "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | openssl s_client -quiet -connect localhost:8080 2>&1").Stdout
		expectContains(t, "openssl s_client", refused, "certificate required")
		goClient := s.ClientOf(t, true, credsDir+"/cert")
		pair, err := tls.X509KeyPair([]byte(s.Read(t, "/root/ours/client.pem")), []byte(s.Read(t, "/root/ours/client.key")))
		if err != nil {
			t.Fatal(err)
		}
		goClient.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{pair}
		if _, err := testbed.Get(goClient, baseURL+"/"); err != nil {
			t.Errorf("Go's client: %v", err)
		}

		// Another authority, which is loaded without a reload by hand; then the
		// credential store.
		s.Exec(t, "cp", "/root/others/ca.pem", credsDir+"/client-ca")
		testbed.Eventually(t, reloadLimit, func() string {
			if a, b := s.curl(ours...), s.curl(others...); a != "000" || b != "200" {
				return fmt.Sprintf("the client of the old authority gets %s, that of the new one %s", a, b)
			}
			return ""
		})
		awaitReloadUnit(t, s.Machine)
		s.Shell(t, "rm -r /etc/systemd/system/foobar*.d; mkdir -p /etc/credstore; cp /root/ours/ca.pem /etc/credstore/foobar.client-ca; systemctl daemon-reload; systemctl restart foobar")
		want("from the credential store", s.curl(ours...), "200")
		want("from the credential store, another's", s.curl(others...), "000")

		s.Exec(t, "rm", "/etc/credstore/foobar.client-ca")
		if r := s.Try("systemctl", "restart", "foobar"); r.Code == 0 {
			t.Error("the service starts without authorities")
		}
		expectProperty(t, s.Machine, "ExecMainStatus", "78")
		expectContains(t, "the journal", journal(t, s.Machine, "-p", "err"), "access.read is certificate, and there is no client-ca credential")
	})
}
