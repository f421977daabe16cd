//go:build testbed

package booted

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// What an administrator types, one thing after the other on one machine.
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
			{"completion", completion},
			{"loosening", loosening},
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
			`requests      [1-9]\d* answered, \d+ in flight`, `errors        0 failed .*`, `certificate   valid until 20.*, for \d+ days`,
			`configuration loaded 20.* ago`, `exposure      0\.[01] SAFE, as .*`,
		} {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(status) {
				t.Errorf("foobar status of %s has no line %q:\n%s", user, line, status)
			}
		}
		expectContains(t, "foobar check-config", as("check-config"), confFile+" is valid\nreading over HTTPS is open to anyone\nwriting over HTTPS is open to holders of a token\nevery setting is the default\n")
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
	// The figures and the configuration are no secret.
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

// The command that the message names is what helps.
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
		said := s.Shell(t, `
export LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80
{ man --warnings -E UTF-8 -l -Tutf8 -Z `+path+` 2>&1 >/dev/null; mandoc -T lint -W warning `+path+` 2>&1 || true; } | grep -v 'outdated mandoc.db' || true`)
		if said != "" {
			t.Errorf("%s:\n%s", page, said)
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

// A comment explains the lines below it, up to the next comment; a blank line
// ends what it says. Too many lines at a time are not explained.
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

// offers are what a shell completes: for each command line, the words.
type offers map[string][]string

func completion(t *testing.T, s *service) {
	want := expectedOffers(s.Exec(t, "foobar", "help"))
	if len(want) < 5 {
		t.Fatalf("foobar help names no more than %v", want)
	}
	for shell, complete := range map[string]func(*testing.T, *service, string) []string{"bash": inBash, "zsh": inZsh, "fish": inFish} {
		for line, words := range want {
			got := complete(t, s, line)
			slices.Sort(got)
			if !slices.Equal(got, words) {
				t.Errorf("%s completes %q to\n%v, want\n%v", shell, line, got, words)
			}
		}
		isSocket := func(word string) bool { return strings.HasSuffix(word, "foobar-admin.sock") }
		if got := complete(t, s, "foobar get -socket /run/foobar-ad"); !slices.ContainsFunc(got, isSocket) {
			t.Errorf("%s completes the socket's path to %v", shell, got)
		}
	}
}

// expectedOffers reads them from the synopsis that the program prints.
func expectedOffers(usage string) offers {
	want := offers{}
	synopsis, _, _ := strings.Cut(usage, "\n\n")
	synopsis = strings.ReplaceAll(synopsis, "\n         ", " ")
	for _, line := range strings.Split(synopsis, "\n")[1:] {
		words := strings.Fields(line)
		command := strings.Trim(words[1], "[]")
		want["foobar "] = append(want["foobar "], command)
		if command == "help" {
			continue
		}
		flags := []string{"-help"}
		for _, word := range words[2:] {
			if word = strings.Trim(word, "[]"); strings.HasPrefix(word, "-") {
				flags = append(flags, word)
			}
		}
		slices.Sort(flags)
		want["foobar "+command+" -"] = flags
		if command == "serve" {
			want["foobar -"] = flags
		}
	}
	slices.Sort(want["foobar "])
	return want
}

// inBash has bash-completion find the installed file by the command's name.
func inBash(t *testing.T, s *service, line string) []string {
	t.Helper()
	return strings.Fields(s.Exec(t, "bash", "-c", `
source /usr/share/bash-completion/bash_completion
_comp_load foobar 2>/dev/null || __load_completion foobar
compopt() { :; } # it works in a completion alone
read -ra COMP_WORDS <<<"$1"
[[ $1 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p foobar | sed 's/.*-F \([^ ]*\).*/\1/')
$function
printf '%s\n' "${COMPREPLY[@]}"`, "bash", line))
}

// inZsh types the line and Tab into a zsh on a terminal, and takes down what its
// completion system is given. Arch's zsh looks in site-functions by itself.
func inZsh(t *testing.T, s *service, line string) []string {
	t.Helper()
	out := s.Exec(t, "bash", "-euo", "pipefail", "-c", `
ZDOTDIR=$(mktemp -d)
export ZDOTDIR LC_ALL=C.UTF-8 TERM=vt100
cat >"$ZDOTDIR/.zshrc" <<'END'
fpath=(/usr/share/zsh/site-functions $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
  if [[ "$*" != *" -"[ODA]" "* ]]; then
    local -a found
    builtin compadd -O found "$@"
    (($#found == 0)) || print -rl -- $found >>$ZDOTDIR/offers
  fi
  builtin compadd "$@"
}
leave() { BUFFER=exit; zle accept-line }
zle -N leave
bindkey '^I' complete-word '^X' leave
zle-line-init() { : >$ZDOTDIR/ready }
zle -N zle-line-init
END
touch "$ZDOTDIR/offers"
{
  for try in {1..100}; do [[ -e $ZDOTDIR/ready ]] && break; sleep 0.1; done
  printf '%s\t\x18' "$1"
  for try in {1..100}; do [[ -e $ZDOTDIR/ended ]] && break; sleep 0.1; done
} | script -qec 'zsh -d -i; touch $ZDOTDIR/ended' /dev/null >/dev/null
sort -u "$ZDOTDIR/offers"
rm -r "$ZDOTDIR"`, "zsh", line)
	return strings.Fields(out)
}

// inFish asks fish itself, which finds the installed file.
func inFish(t *testing.T, s *service, line string) []string {
	t.Helper()
	var words []string
	for _, offer := range strings.Split(strings.TrimSpace(s.Exec(t, "fish", "-c", "complete -C "+"'"+line+"'")), "\n") {
		word, _, _ := strings.Cut(offer, "\t")
		words = append(words, word)
	}
	return words
}

// Each drop-in that foobar-policy(7) shows does what its title says, and
// nothing is left of it once it is reverted.
func loosening(t *testing.T, s *service) {
	s.Shell(t, `
for address in 192.0.2.7 198.51.100.1; do ip address add $address/32 dev lo; done
groupadd --force wheel
mkdir /srv/shared /root/site; echo shared >/srv/shared/file
foobar init-credentials -dir /root/site -host example.com
install -D /root/site/cert /etc/letsencrypt/live/example.com/fullchain.pem
install -D /root/site/key /etc/letsencrypt/live/example.com/privkey.pem`)
	// Each holds with the drop-in, and does not without.
	checks := map[string]string{
		"Another port or address":                     `curl -sSk -o /dev/null https://localhost:8443/`,
		"Clients of some networks alone":              `curl -sSk -o /dev/null --interface 192.0.2.7 https://127.0.0.1:8080/ && ! curl -sk -m 2 --interface 198.51.100.1 https://127.0.0.1:8080/`,
		"Metrics for another machine":                 `curl -sS -o /dev/null --interface 192.0.2.7 http://192.0.2.7:8081/ && ! curl -s -m 2 --interface 198.51.100.1 http://192.0.2.7:8081/`,
		"Another group for the administration socket": `[[ $(stat -c %U:%G:%a /run/foobar-admin.sock) == root:wheel:660 ]]`,
		"A certificate from elsewhere":                `curl -sS -o /dev/null --cacert /root/site/cert --resolve example.com:8080:127.0.0.1 https://example.com:8080/`,
		"A directory to read":                         `cat /proc/$pid/root/srv/shared/file && grep -q ' /srv/shared ro,.*noexec' /proc/$pid/mountinfo`,
		"A system call":                               `systemctl show -p SystemCallFilter foobar | grep -qw uname`,
		"A core file":                                 `grep -q 'Max core file size  *unlimited' /proc/$pid/limits`,
		"More memory":                                 `[[ $(systemctl show --value -p MemoryMax foobar) == 1073741824 ]]`,
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

// restart restarts a unit, and with it the service and what watches for it.
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
