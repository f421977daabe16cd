package directives

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"foobar/test/booted/sandbox"
)

// articleSubject is the name of the article's unit in the measurements.
const articleSubject = "the article's unit"

// article returns the directives of [Service] of the article's unit with the
// measurements.
func (d document) article() (string, error) {
	theirs, err := d.articleService()
	if err != nil {
		return "", err
	}
	rows := [][]string{{"Directive", "Value"}}
	for _, directive := range theirs {
		rows = append(rows, []string{code(directive.Name + "="), cell(directive.Values)})
	}
	return d.withMeasurements(rows, theirs, articleSubject), nil
}

// articleService returns [Service] of the article's unit, a directive for each
// line.
func (d document) articleService() ([]Directive, error) {
	all, err := ParseFile(filepath.Join(d.root, ArticleUnit))
	if err != nil {
		return nil, err
	}
	var theirs []Directive
	for _, directive := range all {
		for _, value := range directive.Values {
			if directive.Section == "Service" {
				theirs = append(theirs, Directive{directive.Section, directive.Name, []string{value}, directive.Comment})
			}
		}
	}
	return theirs, nil
}

// kinds returns a list that sorts the article's directives by what the
// measurements say of them.
func (d document) kinds() (string, error) {
	theirs, err := d.articleService()
	if err != nil {
		return "", err
	}
	r := of(d.measured, articleSubject)
	kinds := map[string][]string{}
	for _, directive := range theirs {
		name, kind := code(directive.Name+"="), r.kind(directive)
		if kind != "" && !slices.Contains(kinds[kind], name) {
			kinds[kind] = append(kinds[kind], name)
		}
	}
	var b strings.Builder
	for _, kind := range []string{needed, acts, covered, implied, idle} {
		if len(kinds[kind]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "- %s (%d): %s.\n", kind, len(kinds[kind]), strings.Join(kinds[kind], ", "))
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// The kinds of directives.
const (
	needed  = "The program does not start without it"
	acts    = "Something opens, or the process differs, without it"
	covered = "Stops something alone, and others stop the same here"
	implied = "Changes nothing that systemd does: another setting implies it, or it is the default"
	idle    = "Nothing changes without it that the probe sees"
)

func (r results) kind(d Directive) string {
	without, ok := r.find("without", d.Name, d.Values[0])
	alone, _ := r.find("alone", d.Name, d.Values[0])
	switch {
	case !ok:
		return ""
	case without.Failure != "":
		return needed
	case !strings.HasPrefix(effect(without, true), "nothing"):
		return acts
	case !changesSetting(without):
		return implied
	case len(stopped(alone)) > 0 || len(counts(alone.StoppedPaths)) > 0 || len(properties(alone)) > 0:
		return covered
	}
	return idle
}

// tableOf is table with the measurements of the unit that the name is a part of,
// where there are some.
func (d document) tableOf(name, subject string) (string, error) {
	ours, err := d.unit(name)
	if err != nil {
		return "", err
	}
	if len(of(d.measured, subject)) == 0 {
		return markdown(plainRows(ours)), nil
	}
	return d.withMeasurements(plainRows(ours), ours, subject), nil
}

// figures says in a sentence what the probe can do in a unit.
func (d document) figures(subject, change string) (string, error) {
	for _, m := range of(d.measured, subject) {
		if m.Change == change && m.Directive == "" {
			paths := 0
			for _, n := range m.OpenedPaths {
				paths += n
			}
			return fmt.Sprintf("%d attempts, %d system calls, %s paths, exposure %s", len(m.Opened), len(m.OpenedCalls), thousands(paths), m.Exposure), nil
		}
	}
	return "", fmt.Errorf("%s has no measurement of %s, change %q", Measured, subject, change)
}

// untried says in a sentence which attempts the probe has that it did not have when it
// was in foobar.service for the measurements. It is "" if there are none.
func (d document) untried() string {
	whole, ok := of(d.measured, "foobar.service").find("", "", "")
	if !ok {
		return ""
	}
	var since []string
	for _, a := range sandbox.AllowedAttempts() {
		if !slices.Contains(whole.Opened, a.Name) {
			since = append(since, code(a.Name))
		}
	}
	if len(since) == 0 {
		return ""
	}
	return "When this was measured, the probe lacked these attempts, which succeed in the whole unit too:\n" + strings.Join(since, ", ") + ".\n"
}
