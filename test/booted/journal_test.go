//go:build testbed

package booted

import (
	"encoding/json"
	"strings"
	"testing"

	"foobar/src/logging"
	"foobar/test/booted/testbed"
)

// entries returns what journalctl(1) selects, field by field. Fields with more
// than one value are left out.
func entries(t *testing.T, m *testbed.Machine, args ...string) []map[string]string {
	t.Helper()
	m.Exec(t, "journalctl", "--sync")
	var found []map[string]string
	for line := range strings.Lines(m.Exec(t, append([]string{"journalctl", "-q", "-b", "-u", "foobar", "-o", "json", "--all"}, args...)...)) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		entry := map[string]string{}
		for name, value := range fields {
			if text, ok := value.(string); ok {
				entry[name] = text
			}
		}
		found = append(found, entry)
	}
	return found
}

// TestJournal selects entries of the journal by fields and priorities and reads their
// explanations, before and after a restart of journald.
func TestJournal(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.moveToSmallDisk(t)
		s.Write(t, confFile, setting("log", "access", "true"))
		s.Exec(t, "systemctl", "reload", "foobar")

		refused := s.do(t, 507, "POST", "/", strings.Repeat("x", 8<<20), s.bearer())
		id := refused.Header.Get("X-Request-Id")
		expectContains(t, "507", refused.text, "the request ID is "+id)
		full := entries(t, s.Machine, "FOOBAR_STATUS=507")
		if len(full) != 2 {
			t.Fatalf("FOOBAR_STATUS=507 selects %d entries, want that of the failure and that of the access log: %v", len(full), full)
		}
		if out := s.Shell(t, "journalctl -u foobar FOOBAR_STATUS=507 -o json"); strings.Count(out, `"FOOBAR_STATUS":"507"`) != 2 {
			t.Errorf("FOOBAR_STATUS=507 -o json:\n%s", out)
		}
		for name, want := range map[string]string{
			"PRIORITY": "3", "MESSAGE_ID": string(logging.NoSpace), "SYSLOG_IDENTIFIER": "foobar", "FOOBAR_REQUEST_ID": id, "FOOBAR_METHOD": "POST",
			"_SYSTEMD_UNIT": "foobar.service", "_TRANSPORT": "journal", "_PID": show(t, s.Machine, "MainPID"), "CODE_FILE": "foobar/src/api/errors.go",
			"MESSAGE": "POST failed with status 507: " + full[0]["FOOBAR_ERROR"],
		} {
			if got := full[0][name]; got != want {
				t.Errorf("of the failure %s is %q, want %q", name, got, want)
			}
		}
		expectContains(t, "FOOBAR_ERROR", full[0]["FOOBAR_ERROR"], "no space left")
		for name, want := range map[string]string{
			"PRIORITY": "6", "FOOBAR_REQUEST_ID": id, "FOOBAR_METHOD": "POST", "FOOBAR_PATH": "/", "FOOBAR_PROTOCOL": "HTTP/1.1",
			"FOOBAR_REQUEST_BYTES": "8388608", "FOOBAR_LISTENER": "https",
		} {
			if got := full[1][name]; got != want {
				t.Errorf("of the access log %s is %q, want %q", name, got, want)
			}
		}
		if urgent := s.Shell(t, "journalctl -u foobar -p warning"); !strings.Contains(urgent, "status 507") || strings.Contains(urgent, "has started") {
			t.Errorf("journalctl -p warning shows\n%s", urgent)
		}
		explained := s.Shell(t, "journalctl -x -u foobar")
		for _, want := range []string{"Subject: There is no space left for the state of foobar", "Subject: foobar has started", "    " + full[0]["FOOBAR_ERROR"]} {
			expectContains(t, "journalctl -x", explained, want)
		}
		if strings.Contains(explained, "@FOOBAR") {
			t.Errorf("journalctl -x names fields that the entries lack:\n%s", explained)
		}

		s.Exec(t, "systemctl", "restart", "systemd-journald")
		s.do(t, 404, "GET", "/nothing-here?hunter2", "")
		after := entries(t, s.Machine, "FOOBAR_STATUS=404")
		if len(after) != 1 || after[0]["FOOBAR_PATH"] != "/nothing-here" {
			t.Errorf("after a restart of journald the access log has %v", after)
		}

		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "QUIT", "foobar")
		s.awaitReady(t)
		expectContains(t, "the journal after a crash", journal(t, s.Machine), "goroutine ")
	})
}

// TestNoJournalSocket starts the service without the journal's socket. Its lines on
// standard error have priorities.
func TestNoJournalSocket(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		dropIn(t, m, "foobar.service", "[Service]\nOpenFile=\nOpenFile=/run/systemd/notify:notify\nOpenFile=/run/no/such/socket:journal:graceful\n")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.store(t, "stored")
		s.Write(t, confFile, setting("log", "level", "loud"))
		s.Try("systemctl", "reload", "foobar")
		errors := entries(t, m, "_TRANSPORT=stdout", "-p", "err")
		if len(errors) != 1 || !strings.HasPrefix(errors[0]["MESSAGE"], `{"level":"error","message":"reload rejected`) || errors[0]["PRIORITY"] != "3" {
			t.Errorf("the errors are %v", errors)
		}
		expectContains(t, "the journal", journal(t, m), `{"level":"info","message":"foobar `)
	})
}

// TestJournalKeepsSecrets searches the journal for values of the configuration, the state
// and credentials, at every log level and after every kind of refusal.
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
