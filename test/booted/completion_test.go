//go:build testbed

package booted

import (
	"slices"
	"strings"
	"testing"
)

// offers holds the words that a shell offers for each command line.
type offers map[string][]string

// TestCompletion lets bash, zsh and fish complete the commands and flags that the program
// lists.
func TestCompletion(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) { completion(t, running(t, release)) })
}

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

// expectedOffers returns the offers that the program's synopsis asks for.
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

// inBash completes a line by bash-completion, which finds the installed file by
// the command's name.
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

// inZsh types the line and Tab into a zsh on a terminal, and records what compadd
// gets. Arch's zsh has site-functions in its path.
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

// inFish completes a line by fish, which finds the installed file.
func inFish(t *testing.T, s *service, line string) []string {
	t.Helper()
	var words []string
	for _, offer := range strings.Split(strings.TrimSpace(s.Exec(t, "fish", "-c", "complete -C "+"'"+line+"'")), "\n") {
		word, _, _ := strings.Cut(offer, "\t")
		words = append(words, word)
	}
	return words
}
