//go:build testbed

package booted

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// expectRefusedStart starts the service, which must exit with status 78, log an
// error that holds part, and not be started again by connections.
func expectRefusedStart(t *testing.T, m *testbed.Machine, part string) {
	t.Helper()
	if r := m.Try("systemctl", "enable", "--now", "foobar"); r.Code == 0 {
		t.Error("systemctl enable --now succeeds")
	}
	testbed.Eventually(t, 10*time.Second, func() string {
		if state := show(t, m, "ActiveState"); state != "failed" {
			return "ActiveState=" + state
		}
		return ""
	})
	expectProperty(t, m, "ExecMainStatus", "78")
	expectProperty(t, m, "Result", "exit-code")
	expectContains(t, "the journal from err up", journal(t, m, "-p", "err"), part)

	before := countStarts(t, m)
	attempts := connectRepeatedly(m, 3*time.Second)
	if after := countStarts(t, m); before > 3 || after > before+1 {
		t.Errorf("%d starts, and %d after %d connections", before, after, attempts)
	}
	expectProperty(t, m, "ActiveState", "failed")
}

// connectRepeatedly opens connections and closes them at once, and returns how
// many.
func connectRepeatedly(m *testbed.Machine, during time.Duration) (attempts int) {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for deadline := time.Now().Add(during); time.Now().Before(deadline); attempts++ {
		for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:8081"} {
			if conn, err := m.Dial(context.Background(), "tcp", address); err == nil {
				conn.Close()
			}
		}
		<-pace.C
	}
	return attempts
}

func TestWrongConfigurationIsNotRetried(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		good := m.Read(t, confFile)
		m.Write(t, confFile, setting("limits", "state", "banana"))
		expectRefusedStart(t, m, confFile+":2:10: ")
		if strings.Contains(journal(t, m), "banana") {
			t.Error("the journal quotes the configuration")
		}
		expectContains(t, "systemctl status", m.Try("systemctl", "status", "foobar").Stdout, confFile+":2:10: ")

		m.Write(t, confFile, good)
		m.Exec(t, "systemctl", "start", "foobar")
		connect(t, m).store(t, "works again")
	})
}

func TestUnknownListenerIsWrongConfiguration(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		dropIn(t, m, "foobar.socket", "[Socket]\nFileDescriptorName=other\n")
		expectRefusedStart(t, m, "other")
	})
}

func TestKilledServiceIsRestarted(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		for n := 1; n <= 3; n++ {
			s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", "foobar")
			s.awaitReady(t)
			testbed.Eventually(t, 10*time.Second, func() string {
				if got := show(t, s.Machine, "NRestarts"); got != strconv.Itoa(n) {
					return "NRestarts=" + got
				}
				return ""
			})
			s.expectState(t, "kept")
		}
		s.store(t, "and writable")
	})
}

func TestReload(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, strings.Repeat("x", 2000))
		pid := show(t, s.Machine, "MainPID")
		s.Write(t, confFile, setting("limits", "state", "1KiB"))
		s.Exec(t, "systemctl", "reload", "foobar")
		s.do(t, 413, "POST", "/", strings.Repeat("y", 2000), s.bearer())
		s.do(t, 200, "POST", "/", strings.Repeat("y", 1000), s.bearer())

		s.Write(t, confFile, "limits:\n  # too much\n  connections: -1\n")
		s.Try("systemctl", "reload", "foobar")
		expectContains(t, "the status after a bad reload", show(t, s.Machine, "StatusText"), confFile+":3:16: ")
		expectContains(t, "the journal after a bad reload", journal(t, s.Machine, "-p", "err"), confFile+":3:16: ")
		s.do(t, 413, "POST", "/", strings.Repeat("y", 2000), s.bearer())
		s.do(t, 200, "POST", "/", strings.Repeat("z", 1000), s.bearer())

		s.Write(t, confFile, "{}\n")
		s.Exec(t, "systemctl", "reload", "foobar")
		s.do(t, 200, "POST", "/", strings.Repeat("y", 2000), s.bearer())
		if status := show(t, s.Machine, "StatusText"); strings.Contains(status, confFile+":") {
			t.Errorf("the status after a good reload is still %q", status)
		}
		expectProperty(t, s.Machine, "MainPID", pid)
		expectProperty(t, s.Machine, "ActiveState", "active")
		expectProperty(t, s.Machine, "SubState", "running")
	})
}

func TestWatchdogRestartsHungService(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "kept")
		s.Write(t, "/run/systemd/system/foobar.service.d/50-test.conf", "[Service]\nWatchdogSec=2s\n")
		s.Exec(t, "systemctl", "daemon-reload")
		s.Exec(t, "systemctl", "restart", "foobar")

		expectProperty(t, s.Machine, "WatchdogUSec", "2s")
		awaitWatchdogPings(t, s, 5*time.Second)
		expectProperty(t, s.Machine, "NRestarts", "0")

		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "STOP", "foobar")
		testbed.Eventually(t, 30*time.Second, func() string {
			if got := show(t, s.Machine, "NRestarts"); got != "1" {
				return "NRestarts=" + got
			}
			return ""
		})
		s.awaitReady(t)
		s.expectState(t, "kept")
		expectContains(t, "the journal", journal(t, s.Machine), "Watchdog timeout")
	})
}

// A state that does not fit on the disk is refused, and the old one is kept,
// across a restart on the full disk too.
func TestFullDisk(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.moveToSmallDisk(t)
		old := strings.Repeat("old ", 1000)
		s.store(t, old)

		refused := func() {
			t.Helper()
			r := s.do(t, 507, "POST", "/", strings.Repeat("x", 8<<20), s.bearer())
			expectContains(t, "507", r.text, "nothing has changed")
			s.expectState(t, old)
		}
		refused()
		errors := journal(t, s.Machine, "-p", "err", "-o", "json", "--output-fields=PRIORITY,MESSAGE")
		expectContains(t, "journalctl -p err", errors, `"PRIORITY":"3"`)
		expectContains(t, "journalctl -p err", errors, "no space")
		if info := journal(t, s.Machine, "-p", "err"); strings.Contains(info, "has started") {
			t.Errorf("journalctl -p err shows more than errors:\n%s", info)
		}

		s.Shell(t, "! dd if=/dev/zero of=/var/lib/private/foobar/filler bs=4k 2>&1")
		refused()
		s.Exec(t, "systemctl", "restart", "foobar")
		s.expectState(t, old)
		refused()

		s.Exec(t, "rm", "/var/lib/private/foobar/filler")
		s.store(t, "room again")
		s.expectState(t, "room again")
		s.Exec(t, "systemctl", "restart", "foobar")
		s.expectState(t, "room again")
	})
}

// A request in flight gets its response, then the service stops with success.
func TestStopDrains(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "old")
		raw, err := s.Dial(context.Background(), "tcp", "127.0.0.1:8080")
		if err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(raw, &tls.Config{RootCAs: s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "localhost"})
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: 10\r\n\r\n01234", s.bearer()); err != nil {
			t.Fatal(err)
		}
		awaitRequestInFlight(t, s)
		s.Exec(t, "systemctl", "stop", "--no-block", "foobar")
		testbed.Eventually(t, 5*time.Second, func() string {
			state, status := show(t, s.Machine, "ActiveState"), show(t, s.Machine, "StatusText")
			if state != "deactivating" || !strings.Contains(status, "requests in flight") {
				return fmt.Sprintf("ActiveState=%s, status %q", state, status)
			}
			return ""
		})
		if _, err := io.WriteString(conn, "56789"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("the request in flight gets no response: %v", err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); string(text) != "ok" || err != nil || !resp.Close {
			t.Errorf("the request in flight has the response %s %q, close %v, %v", resp.Status, text, resp.Close, err)
		}
		testbed.Eventually(t, 10*time.Second, func() string {
			if state := show(t, s.Machine, "ActiveState"); state != "inactive" {
				return "ActiveState=" + state
			}
			return ""
		})
		expectProperty(t, s.Machine, "Result", "success")
		expectProperty(t, s.Machine, "ExecMainStatus", "0")
		s.Exec(t, "systemctl", "start", "foobar")
		s.expectState(t, "0123456789")
	})
}

// awaitRequestInFlight waits until the service has read the header of a request.
func awaitRequestInFlight(t *testing.T, s *service) {
	t.Helper()
	testbed.Eventually(t, 5*time.Second, func() string {
		text := s.Exec(t, "curl", "-sSf", metrics+"/metrics")
		if !strings.Contains(text, "\n"+`foobar_http_requests_in_flight{listener="https"} 1`+"\n") {
			return "no request in flight"
		}
		return ""
	})
}

func TestStatusLine(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "shown")
		out := s.Exec(t, "systemctl", "--no-pager", "status", "foobar")
		if !regexp.MustCompile(`(?m)^ *Status: "[^"]{10,}"$`).MatchString(out) {
			t.Errorf("systemctl status has no status text:\n%s", out)
		}
	})
}

// Configured values, the state and credentials stay out of the journal, at
// every log level and after every kind of refusal.
func TestJournalKeepsSecrets(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		const comment, value, state = "comment-5d41402abc", "value-7d793037a0", "state-76faf6c9e1"
		conf := "# " + comment + "\nlog:\n  level: debug\n  access: true\n"
		m.Write(t, confFile, conf)
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.store(t, state)
		s.expectState(t, state)
		const wrong = "wrong-b6d81b360a56"
		s.do(t, 401, "POST", "/", state, "Authorization: Bearer "+wrong)
		s.do(t, 413, "POST", "/", strings.Repeat(state, 2<<20), s.bearer())
		// An unknown key is named; values are not.
		for _, bad := range []string{"log:\n  level: " + value + "\n", "limits:\n  state: " + value + "\n", "unknown: " + value + "\n",
			"log: [" + value, value, "- " + value, "log:\n  level: \"" + value + "\\q\"\n", "log: &" + value + "\n  level: *" + value + "2\n"} {
			s.Write(t, confFile, "# "+comment+"\n"+bad)
			s.Try("systemctl", "reload", "foobar")
		}
		s.Try("systemctl", "restart", "foobar")
		s.Exec(t, "journalctl", "--sync")
		all := s.Exec(t, "journalctl", "-q", "-b", "-a", "-o", "export")
		expectContains(t, "the journal", all, confFile+":")
		key := strings.Split(s.Read(t, credsDir+"/key"), "\n")[1]
		for what, secret := range map[string]string{
			"a comment of conf.yaml": comment, "a value of conf.yaml": value, "the state": state,
			"the token": s.token, "a wrong token": wrong, "the key": key,
		} {
			if i := strings.Index(all, secret); i >= 0 {
				t.Errorf("the journal holds %s: …%.300q", what, all[max(0, i-200):])
			}
		}
	})
}

// The same binary serves without systemd.
func TestByHand(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		out := m.Must(t, testbed.Command{User: "builder", Args: []string{"bash", "-euo", "pipefail", "-c", `
cd; mkdir creds data; chmod 700 data
foobar init-credentials -dir creds
foobar -config /etc/foobar/conf.yaml -data data -cert creds/cert -key creds/key -token creds/token \
  -listen :9443 -metrics-listen 127.0.0.1:9081 -admin-listen "$PWD/admin.sock" 2>log &
trap 'kill %1' EXIT
for try in {1..50}; do [[ -S admin.sock ]] && break; sleep 0.1; done
curl -sS --cacert creds/cert -H "Authorization: Bearer $(<creds/token)" -d by-hand https://localhost:9443/; echo
curl -sS --unix-socket admin.sock http://foobar/; echo
curl -sSf http://127.0.0.1:9081/readyz >/dev/null
trap - EXIT
kill %1
wait %1
echo "exit $?"
if foobar -config /etc/foobar/conf.yaml -data data -cert creds/cert -key creds/key 2>>log; then exit 1; else echo "exit $?"; fi
`}})
		if !strings.HasSuffix(out, "ok\nby-hand\nexit 0\nexit 78\n") {
			t.Errorf("by hand:\n%s", out)
		}
	})
}
