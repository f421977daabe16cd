//go:build testbed

package booted

import "testing"

// sendTraffic has the service do all that its clients can make it do: requests of all
// kinds, over HTTP/1.1 and HTTP/2. A service of another kind replaces this function
// before test/learn-systemcalls.
func (s *service) sendTraffic(t *testing.T) {
	t.Helper()
	s.do(t, 404, "GET", "/", "")
	s.store(t, "hello")
	s.expectState(t, "hello")
	for _, version := range []string{"--http1.1", "--http2-prior-knowledge"} {
		s.Shell(t, `
c() { curl -sS -o /dev/null --cacert `+credsDir+`/cert `+version+` "$@"; }
a="Authorization: Bearer $(<`+credsDir+`/token)"
head -c 900000 /dev/urandom >/tmp/large
head -c 30000000 /dev/urandom >/tmp/larger
c `+baseURL+` -d refused
c `+baseURL+` -H "$a" --data-binary @/tmp/large
c `+baseURL+` `+baseURL+`
c `+baseURL+` -r 0-99 -H 'If-None-Match: "x"'
c `+baseURL+` -H "$a" --data-binary @/tmp/larger || true
c `+baseURL+` -H "$a" -T /tmp/large -H 'Expect: 100-continue'
c `+baseURL+` -X BREW
for n in {1..20}; do (for k in {1..10}; do c `+baseURL+` -H "$a" -d "$n $k"; done) & done; wait
curl -sSf `+metrics+`/ `+metrics+`/metrics `+metrics+`/healthz `+metrics+`/readyz >/dev/null
curl -sSf --compressed `+metrics+`/metrics >/dev/null
curl -sS --unix-socket /run/foobar-admin.sock -d admin http://foobar/ >/dev/null
printf 'nonsense\r\n\r\n' | timeout 5 openssl s_client -quiet -connect localhost:8080 >/dev/null 2>&1 || true
timeout 1 bash -c 'exec 3<>/dev/tcp/localhost/8080; cat <&3' || true
`)
	}
}
