//go:build testbed

package booted

import "testing"

// sendTraffic has the service do all that its clients can make it do: requests of all
// kinds, over HTTP/1.1 and HTTP/2. It is the function to replace before
// test/learn-systemcalls when the handler is another one. The service is running, with
// the configuration and the credentials of a first start.
func (s *service) sendTraffic(t *testing.T) {
	t.Helper()
	for _, version := range []string{"--http1.1", "--http2-prior-knowledge"} {
		s.Shell(t, `
c() { curl -sS -o /dev/null --cacert `+credsDir+`/cert `+version+` "$@"; }
a="Authorization: Bearer $(<`+credsDir+`/token)"
head -c 900000 /dev/urandom >/tmp/large
head -c 30000000 /dev/urandom >/tmp/larger
c `+baseURL+` -d refused
c `+baseURL+` -H "$a" --data-binary @/tmp/large
c `+baseURL+` `+baseURL+`/healthz
c `+baseURL+` -H "$a" --data-binary @/tmp/larger || true
c `+baseURL+`/other -X BREW
for n in {1..20}; do (for k in {1..10}; do c `+baseURL+` -H "$a" -d "$n $k"; done) & done; wait
curl -sSf --compressed `+metrics+`/metrics `+metrics+`/healthz `+metrics+`/readyz >/dev/null
curl -sS --unix-socket /run/foobar-admin.sock -d admin http://foobar/ >/dev/null
printf 'nonsense\r\n\r\n' | timeout 5 openssl s_client -quiet -connect localhost:8080 >/dev/null 2>&1 || true
`)
	}
}
