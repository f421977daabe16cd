package command

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a command line can hold is said in three places: in the code, in
// usage.txt and in foobar(8), there in the synopsis and command by command.

// flagSets are the flags of each command.
type flagSets map[string][]string

func (f flagSets) add(command, name string) {
	if !slices.Contains(f[command], name) {
		f[command] = append(f[command], name)
		slices.Sort(f[command])
	}
}

func TestUsageAndPageFollowTheFlags(t *testing.T) {
	want := inCode()
	for where, got := range map[string]flagSets{
		"usage.txt":             inUsage(),
		"foobar.8, SYNOPSIS":    inSynopsis(section(t, "SYNOPSIS")),
		"foobar.8, DESCRIPTION": inDescription(section(t, "DESCRIPTION")),
	} {
		for command, flags := range want {
			if !slices.Equal(got[command], flags) {
				t.Errorf("%s: flags of %s are %v, in the code %v", where, command, got[command], flags)
			}
		}
		for command := range got {
			if _, ok := want[command]; !ok {
				t.Errorf("%s: there is no command %q", where, command)
			}
		}
	}
}

func inCode() flagSets {
	all := flagSets{}
	for _, c := range commands() {
		set := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.define(set)
		all[c.name] = nil
		set.VisitAll(func(f *flag.Flag) { all.add(c.name, f.Name) })
	}
	return all
}

// inUsage reads lines such as "foobar status [-metrics URL]", which may go on in
// the next.
func inUsage() flagSets {
	all := flagSets{}
	synopsis, _, _ := strings.Cut(usage, "\n\n")
	synopsis = strings.ReplaceAll(synopsis, "\n         ", " ")
	for _, line := range strings.Split(synopsis, "\n")[1:] {
		words := strings.Fields(line)
		command := strings.Trim(words[1], "[]")
		all[command] = nil
		for _, word := range words[2:] {
			if name, ok := strings.CutPrefix(strings.Trim(word, "[]"), "-"); ok {
				all.add(command, name)
			}
		}
	}
	return all
}

var (
	commandMacro = regexp.MustCompile(`^\.(?:Op )?Cm (\S+)`)
	flagMacro    = regexp.MustCompile(`^\.(?:Op |It )?Fl (\S+)`)
	titleMacro   = regexp.MustCompile(`^\.Ss (\S+)`)
)

func inSynopsis(lines []string) flagSets {
	all, command := flagSets{}, ""
	for _, line := range lines {
		if m := commandMacro.FindStringSubmatch(line); m != nil {
			command = m[1]
			all[command] = nil
		} else if m := flagMacro.FindStringSubmatch(line); m != nil {
			all.add(command, m[1])
		}
	}
	return all
}

func inDescription(lines []string) flagSets {
	all, command := flagSets{}, ""
	for _, line := range lines {
		if m := titleMacro.FindStringSubmatch(line); m != nil {
			command = m[1]
			all[command] = nil
		} else if m := flagMacro.FindStringSubmatch(line); m != nil && strings.HasPrefix(line, ".It") {
			all.add(command, m[1])
		}
	}
	return all
}

// section returns the lines of a section of foobar(8).
func section(t *testing.T, title string) []string {
	t.Helper()
	page := string(must[[]byte](t)(os.ReadFile("../../man/foobar.8")))
	_, rest, ok := strings.Cut(page, "\n.Sh "+title+"\n")
	if !ok {
		t.Fatalf("foobar.8 has no section %s", title)
	}
	text, _, _ := strings.Cut(rest, "\n.Sh ")
	return strings.Split(text, "\n")
}

func TestUsageAndPageFollowTheExitStatuses(t *testing.T) {
	source := string(must[[]byte](t)(os.ReadFile("program.go")))
	want := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\texit[A-Z]\w* += (\d+)`).FindAllStringSubmatch(source, -1) {
		want[m[1]] = true
	}
	if len(want) < 3 {
		t.Fatalf("program.go has no more than %v", want)
	}
	page := map[string]bool{}
	for _, line := range section(t, "EXIT STATUS") {
		if status, ok := strings.CutPrefix(line, ".It "); ok {
			page[status] = true
		}
	}
	inUsage := map[string]bool{}
	_, text, _ := strings.Cut(usage, "Exit status: ")
	for _, status := range regexp.MustCompile(`\b\d+\b`).FindAllString(strings.ReplaceAll(text, "foobar(8)", ""), -1) {
		inUsage[status] = true
	}
	for where, got := range map[string]map[string]bool{"foobar.8": page, "usage.txt": inUsage} {
		if !maps.Equal(got, want) {
			t.Errorf("%s: exit statuses are %v, in the code %v", where, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}
