//go:build testbed

package booted

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// TestAdministration runs the commands of an administrator, one after the other on one
// machine.
func TestAdministration(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.Exec(t, "useradd", "--groups", "foobar-admin", "member")
		s.Exec(t, "useradd", "stranger")
		for _, part := range []struct {
			name string
			test func(*testing.T, *service)
		}{
			{"commands", commands},
			{"strangers are refused", strangersAreRefused},
			{"without the service", withoutTheService},
			{"without the admin socket's file", withoutTheSocketFile},
			{"manual pages", manualPages},
			{"what systemctl shows", whatSystemctlShows},
		} {
			t.Run(part.name, func(t *testing.T) { part.test(t, s) })
		}
	})
}

func commands(t *testing.T, s *service) {
	for _, user := range []string{"root", "member"} {
		state := "of " + user + "\x00\n"
		s.Must(t, testbed.Command{User: user, Stdin: state, Args: []string{"foobar", "put"}})
		s.expectState(t, state)
		as := func(args ...string) string {
			t.Helper()
			return s.Must(t, testbed.Command{User: user, Args: append([]string{"foobar"}, args...)})
		}
		if got := as("get"); got != state {
			t.Errorf("foobar get of %s: %q", user, got)
		}
		status := as("status")
		for _, line := range []string{
			`service       foobar \S+, up .*, .* MiB of memory`, fmt.Sprintf(`state         %d bytes, written 20.*ago`, len(state)),
			`requests      [1-9]\d* answered, \d+ in flight`, `errors        0 failed .*`, `certificate   valid until 20.*, for \d+ months`,
			`configuration loaded 20.* ago`, `exposure      0\.[01] SAFE, as .*`,
		} {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(status) {
				t.Errorf("foobar status of %s has no line %q:\n%s", user, line, status)
			}
		}
		expectContains(t, "foobar check-config", as("check-config"), confFile+" is valid\nreading over HTTPS is open to anyone\nwriting over HTTPS is open to holders of a token\n/healthz over HTTPS is open to anyone\nevery setting is the default\n")
	}
}

func strangersAreRefused(t *testing.T, s *service) {
	s.store(t, "kept")
	for _, command := range []string{"get", "put"} {
		r := s.Run(testbed.Command{User: "stranger", Stdin: "theirs", Args: []string{"foobar", command}})
		want := "foobar: /run/foobar-admin.sock: permission denied: the socket is for root and the group foobar-admin, " +
			"which root adds you to by `usermod -aG foobar-admin USER`, for your next login\n"
		if r.Code != 77 || r.Stdout != "" || r.Stderr != want {
			t.Errorf("foobar %s of a stranger: exit status %d\n%s%s", command, r.Code, r.Stdout, r.Stderr)
		}
	}
	s.expectState(t, "kept")
	// Every user may read the figures and the configuration.
	for _, command := range []string{"status", "check-config"} {
		s.Must(t, testbed.Command{User: "stranger", Args: []string{"foobar", command}})
	}
}

func withoutTheService(t *testing.T, s *service) {
	s.Exec(t, "systemctl", "stop", "foobar")
	for _, command := range []string{"get", "status"} {
		r := s.Try("foobar", command)
		if r.Code != 69 || !strings.Contains(r.Stderr, "start it by `systemctl start foobar`") {
			t.Errorf("foobar %s: exit status %d\n%s", command, r.Code, r.Stderr)
		}
	}
	good := s.Read(t, confFile)
	s.Write(t, confFile, setting("limits", "state", "banana"))
	r := s.Try("foobar", "check-config")
	if r.Code != 78 || !strings.HasPrefix(r.Stderr, "foobar: "+confFile+":2:10: ") {
		t.Errorf("foobar check-config: exit status %d\n%s", r.Code, r.Stderr)
	}
	s.Write(t, confFile, good)
	s.Exec(t, "systemctl", "start", "foobar")
	if got := s.Exec(t, "foobar", "get"); got != "kept" {
		t.Errorf("foobar get: %q", got)
	}
}

// withoutTheSocketFile removes the file of the administration socket. The command in the
// error message brings it back.
func withoutTheSocketFile(t *testing.T, s *service) {
	const command = "systemctl restart foobar-admin.socket"
	s.store(t, "kept")
	s.Exec(t, "rm", "/run/foobar-admin.sock")
	r := s.Try("foobar", "get")
	if r.Code != 69 || !strings.Contains(r.Stderr, "`"+command+"` makes it again") {
		t.Errorf("foobar get: exit status %d\n%s", r.Code, r.Stderr)
	}
	s.Shell(t, command)
	if got := s.Exec(t, "foobar", "get"); got != "kept" {
		t.Errorf("foobar get: %q", got)
	}
}

func manualPages(t *testing.T, s *service) {
	for page, section := range map[string]string{"foobar": "8", "foobar.yaml": "5", "foobar-policy": "7"} {
		path := strings.TrimSpace(s.Exec(t, "man", "-w", page))
		if !strings.HasPrefix(path, "/usr/share/man/man"+section+"/"+page+"."+section) {
			t.Errorf("man finds %s for %s", path, page)
		}
		output := s.Shell(t, `
export LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80
{ man --warnings -E UTF-8 -l -Tutf8 -Z `+path+` 2>&1 >/dev/null; mandoc -T lint -W warning `+path+` 2>&1 || true; } | grep -v 'outdated mandoc.db' || true`)
		if output != "" {
			t.Errorf("%s:\n%s", page, output)
		}
		expectContains(t, "man "+page, s.Shell(t, "MANWIDTH=80 man "+page+" | cat"), "NAME\n")
	}
}

func whatSystemctlShows(t *testing.T, s *service) {
	units := units(t, s.Machine)
	for _, unit := range units {
		docs := s.Exec(t, "systemctl", "show", "--value", "-p", "Documentation", unit)
		expectContains(t, unit, docs, "man:foobar(8)")
		expectContains(t, unit, docs, "man:foobar-policy(7)")
		description := strings.TrimSpace(s.Exec(t, "systemctl", "show", "--value", "-p", "Description", unit))
		if description == unit || description == "" {
			t.Errorf("%s has no description", unit)
		}
	}
	expectContains(t, "systemctl status", s.Exec(t, "systemctl", "--no-pager", "status", "foobar"), "Docs: man:foobar(8)")
	expectContains(t, "systemctl help", s.Shell(t, "systemctl --no-pager help foobar"), "FOOBAR-POLICY(7)")
	everyDirectiveIsExplained(t, s.Exec(t, "systemctl", "--no-pager", "cat", "foobar.service"))
}

// everyDirectiveIsExplained wants a comment for each directive. A comment applies to the
// lines below it up to the next comment or blank line, but not to more than six names.
func everyDirectiveIsExplained(t *testing.T, text string) {
	t.Helper()
	_, text, _ = strings.Cut(text, "\n[Service]\n")
	explained, names := false, map[string]bool{}
	for line := range strings.Lines(text) {
		switch name, _, isSetting := strings.Cut(line, "="); {
		case strings.HasPrefix(line, "#"):
			explained, names = true, map[string]bool{}
		case strings.TrimSpace(line) == "":
			explained = false
		case isSetting:
			names[name] = true
			if !explained || len(names) > 6 {
				t.Errorf("systemctl cat foobar: nothing explains %s", line)
			}
		}
	}
}
