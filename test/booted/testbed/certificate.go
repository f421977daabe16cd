//go:build testbed

package testbed

import "testing"

// MakePair makes a self-signed certificate, cert, and its key, key, for localhost
// and site.example in a new directory of the machine.
func (m *Machine) MakePair(t testing.TB, dir string) {
	t.Helper()
	m.Exec(t, "bash", "-euo", "pipefail", "-c", `rm -rf "$1"; mkdir -p "$1"; cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,DNS:site.example -out cert -keyout key 2>/dev/null`, "pair", dir)
}

// ServedCertificate returns the certificate that a new connection to a port
// gets, in PEM, without verifying it. It returns "" if there is none.
func (m *Machine) ServedCertificate(port string) string {
	return m.Try("bash", "-c", "openssl s_client -connect localhost:"+port+" </dev/null 2>/dev/null | openssl x509").Stdout
}

// Certificate returns the first certificate of a file, in PEM.
func (m *Machine) Certificate(t testing.TB, file string) string {
	t.Helper()
	return m.Exec(t, "openssl", "x509", "-in", file)
}
