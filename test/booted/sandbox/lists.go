package sandbox

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed allowed.txt
var allowedText string

//go:embed paths.txt
var pathsText string

//go:embed outbound-allowed.txt
var outboundAllowedText string

//go:embed outbound-paths.txt
var outboundPathsText string

// An Entry is something that works in the sandbox of foobar.service, and why.
type Entry struct {
	Name   string
	How    string // of a path: which of r, w and x it may be, or - for none
	Reason string
}

// AllowedAttempts are the attempts that succeed in the service.
func AllowedAttempts() []Entry { return attempts(allowedText) }

// OutboundAttempts are those with the package foobar-outbound.
func OutboundAttempts() []Entry {
	return append(AllowedAttempts(), attempts(outboundAllowedText)...)
}

// AllowedPaths are the paths in the service, where "*" stands for one name and
// "**" at the end for everything below.
func AllowedPaths() []Entry { return paths(pathsText) }

// OutboundPaths are those with the package foobar-outbound.
func OutboundPaths() []Entry {
	differ := paths(outboundPathsText)
	for _, e := range AllowedPaths() {
		if !slices.ContainsFunc(differ, func(d Entry) bool { return matches(d.Name, e.Name) }) {
			differ = append(differ, e)
		}
	}
	return differ
}

func attempts(text string) []Entry {
	var list []Entry
	for _, fields := range lines(text, 2) {
		list = append(list, Entry{Name: fields[0], Reason: fields[1]})
	}
	return list
}

func paths(text string) []Entry {
	var list []Entry
	for _, fields := range lines(text, 3) {
		list = append(list, Entry{Name: fields[0], How: fields[1], Reason: fields[2]})
	}
	return list
}

// lines splits lines into n fields, the last of which is text. A "#" begins a
// comment.
func lines(text string, n int) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var fields []string
		for range n - 1 {
			field, rest, _ := strings.Cut(line, " ")
			fields, line = append(fields, field), strings.TrimSpace(rest)
		}
		all = append(all, append(fields, line))
	}
	return all
}

// JudgeAttempts returns what is wrong with the attempts that succeeded: each
// that is not listed, and each that is listed and did not succeed.
func (r *Report) JudgeAttempts(list []Entry) []string {
	var wrong []string
	succeeded := r.Succeeded()
	listed := map[string]bool{}
	for _, e := range list {
		listed[e.Name] = true
		if !slices.Contains(succeeded, e.Name) {
			wrong = append(wrong, fmt.Sprintf("%s is listed as possible and was not", e.Name))
		}
	}
	for _, a := range r.Attempts {
		if a.Allowed && !listed[a.Name] {
			wrong = append(wrong, fmt.Sprintf("%s: an intruder can %s (%s)", a.Name, a.What, a.Errno))
		}
	}
	return wrong
}

// JudgePaths returns what is wrong with the paths that were found, where the
// first entry that a path matches counts.
func (r *Report) JudgePaths(entries []Entry) []string {
	var wrong []string
	seen := map[string]bool{}
	for _, p := range r.Paths {
		how := ""
		for _, h := range []struct {
			is   bool
			name string
		}{{p.Read, "r"}, {p.Write, "w"}, {p.Exec, "x"}} {
			if h.is {
				how += h.name
			}
		}
		i := slices.IndexFunc(entries, func(e Entry) bool { return matches(e.Name, p.Path) })
		if i < 0 {
			if how != "" {
				wrong = append(wrong, fmt.Sprintf("%s is not listed and can be opened (%s)", p.Path, how))
			}
			continue
		}
		seen[entries[i].Name] = true
		if extra := strings.Trim(how, entries[i].How); extra != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s, listed as %s", p.Path, how, entries[i].How))
		}
	}
	for _, e := range entries {
		if !seen[e.Name] && !strings.ContainsAny(e.How, "?-") {
			wrong = append(wrong, fmt.Sprintf("%s is listed and is not there", e.Name))
		}
	}
	return wrong
}

// matches compares a path with a pattern, name by name.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/**"); ok {
		return strings.HasPrefix(path, prefix+"/")
	}
	return pattern == path
}
