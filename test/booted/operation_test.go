//go:build testbed

package booted

import (
	"context"
	"regexp"
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

// TestByHand runs the service from a shell, without systemd.
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
