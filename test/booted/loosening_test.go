//go:build testbed

package booted

import (
	"os"
	"regexp"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// TestDropInsOfManual applies each drop-in of foobar-policy(7), which has the effect that
// its title names, and none after it is reverted.
func TestDropInsOfManual(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) { loosening(t, running(t, release)) })
}

func loosening(t *testing.T, s *service) {
	s.Shell(t, `
for address in 192.0.2.7 198.51.100.1; do ip address add $address/32 dev lo; done
groupadd --force wheel
mkdir /srv/shared /root/site; echo shared >/srv/shared/file
foobar init-credentials -dir /root/site -host example.com
install -D /root/site/cert /etc/letsencrypt/live/example.com/fullchain.pem
install -D /root/site/key /etc/letsencrypt/live/example.com/privkey.pem`)
	// Each check succeeds with the drop-in, and fails without.
	checks := map[string]string{
		"Another port or address":                     `curl -sSk -o /dev/null https://localhost:8443/`,
		"Clients of some networks alone":              `curl -sSk -o /dev/null --interface 192.0.2.7 https://127.0.0.1:8080/ && ! curl -sk -m 2 --interface 198.51.100.1 https://127.0.0.1:8080/`,
		"All clients but those of some networks":      `curl -sSk -o /dev/null --interface 192.0.2.7 https://127.0.0.1:8080/ && ! curl -sk -m 2 --interface 198.51.100.1 https://127.0.0.1:8080/`,
		"Metrics for another machine":                 `curl -sS -o /dev/null --interface 192.0.2.7 http://192.0.2.7:8081/ && ! curl -s -m 2 --interface 198.51.100.1 http://192.0.2.7:8081/`,
		"Another group for the administration socket": `[[ $(stat -c %U:%G:%a /run/foobar-admin.sock) == root:wheel:660 ]]`,
		"A certificate from elsewhere":                `curl -sS -o /dev/null --cacert /root/site/cert --resolve example.com:8080:127.0.0.1 https://example.com:8080/`,
		"A directory to read":                         `cat /proc/$pid/root/srv/shared/file && grep -q ' /srv/shared ro,.*noexec' /proc/$pid/mountinfo`,
		"A system call":                               `systemctl show -p SystemCallFilter foobar | grep -qw uname`,
		"A core file":                                 `grep -q 'Max core file size  *unlimited' /proc/$pid/limits`,
		"More memory":                                 `[[ $(systemctl show --value -p MemoryMax foobar) == 2147483648 ]]`,
	}
	holds := func(check string) testbed.Result {
		return s.Try("bash", "-c", "pid=$(systemctl show --value -p MainPID foobar); "+check)
	}
	s.store(t, "kept")
	page, err := os.ReadFile("../../man/foobar-policy.7")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?s)\.Ss ([^\n]+)\n\.Bd -literal[^\n]*\n# systemctl edit (\S+)\n(.*?)\.Ed`).FindAllStringSubmatch(string(page), -1)
	for _, m := range shown {
		title, unit, text := m[1], m[2], m[3]
		check, ok := checks[title]
		if !ok {
			t.Errorf("nothing checks %q", title)
			continue
		}
		delete(checks, title)
		if r := holds(check); r.Code == 0 {
			t.Errorf("%s: is so without the drop-in", title)
		}
		s.Must(t, testbed.Command{Stdin: text, Args: []string{"systemctl", "edit", "--stdin", unit}})
		restart(t, s, unit)
		if r := holds(check); r.Code != 0 {
			t.Errorf("%s: %s: exit status %d\n%s%s", title, check, r.Code, r.Stdout, r.Stderr)
		}
		s.Exec(t, "systemctl", "revert", unit)
		restart(t, s, unit)
	}
	for title := range checks {
		t.Errorf("foobar-policy(7) has no drop-in for %q", title)
	}
	s.expectState(t, "kept")
	expectContains(t, "systemd-analyze security", s.Exec(t, "systemd-analyze", "security", "--no-pager", "foobar"), " 0.1 SAFE")
}

// restart restarts a unit, and waits for the service and its path unit.
func restart(t *testing.T, s *service, unit string) {
	t.Helper()
	s.Exec(t, "systemctl", "restart", unit)
	testbed.Eventually(t, 10*time.Second, func() string {
		for _, unit := range []string{"foobar.service", "foobar-credentials-reload.path"} {
			if r := s.Try("systemctl", "is-active", unit); r.Code != 0 {
				return unit + " is " + r.Stdout
			}
		}
		return ""
	})
}
