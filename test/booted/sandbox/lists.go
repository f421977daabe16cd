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

//go:embed etcd-allowed.txt
var etcdAllowedText string

//go:embed etcd-paths.txt
var etcdPathsText string

//go:embed copy-paths.txt
var copyPathsText string

// An Entry is an attempt that succeeds in the sandbox of foobar.service, or a
// path that can be opened in it.
type Entry struct {
	Name   string
	Modes  string // of a path: r, w and x as they are allowed, or - for none; ? if the path is there only sometimes
	Reason string
}

// AllowedAttempts returns the attempts that succeed in the service.
func AllowedAttempts() []Entry { return attempts(allowedText) }

// OutboundAttempts returns AllowedAttempts with the package foobar-outbound.
func OutboundAttempts() []Entry {
	return append(AllowedAttempts(), attempts(outboundAllowedText)...)
}

// EtcdAttempts returns AllowedAttempts with the package foobar-etcd.
func EtcdAttempts() []Entry {
	return append(AllowedAttempts(), attempts(etcdAllowedText)...)
}

// AllowedPaths returns the paths in the service. "*" stands for one name, and
// "**" at the end for everything below.
func AllowedPaths() []Entry { return paths(pathsText) }

// OutboundPaths returns AllowedPaths with the package foobar-outbound.
func OutboundPaths() []Entry { return merge(paths(outboundPathsText), AllowedPaths()) }

// EtcdPaths returns AllowedPaths with the package foobar-etcd.
func EtcdPaths() []Entry { return merge(paths(etcdPathsText), AllowedPaths()) }

// OutboundOnly returns the attempts and paths that the package foobar-outbound adds or
// changes.
func OutboundOnly() (attempted, differ []Entry) {
	return attempts(outboundAllowedText), paths(outboundPathsText)
}

// CachePaths returns the paths that the cache and the list of feeds add to a service
// that is called name, the example in examples/service.
func CachePaths(name string) []Entry { return paths(strings.ReplaceAll(copyPathsText, "NAME", name)) }

// merge returns paths with those of a list that none of them matches.
func merge(differ, list []Entry) []Entry {
	merged := slices.Clone(differ)
	for _, e := range list {
		if !slices.ContainsFunc(differ, func(d Entry) bool { return matches(d.Name, e.Name) }) {
			merged = append(merged, e)
		}
	}
	return merged
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
		list = append(list, Entry{Name: fields[0], Modes: fields[1], Reason: fields[2]})
	}
	return list
}

// lines splits each line into n fields, the last of which is text. A line that
// begins with "#" is a comment.
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

// CheckAttempts returns a message for each attempt that succeeded and is not
// listed, and for each that is listed and did not succeed.
func (r *Report) CheckAttempts(list []Entry) []string {
	var wrong []string
	succeeded := r.Succeeded()
	listed := map[string]bool{}
	for _, e := range list {
		listed[e.Name] = true
		if !slices.Contains(succeeded, e.Name) {
			wrong = append(wrong, fmt.Sprintf("%s is listed and did not succeed", e.Name))
		}
	}
	for _, a := range r.Attempts {
		if a.Allowed && !listed[a.Name] {
			wrong = append(wrong, fmt.Sprintf("%s: an intruder can %s (%s)", a.Name, a.What, a.Errno))
		}
	}
	return wrong
}

// CheckPaths returns a message for each path that can be opened in a way that is
// not listed, and for each listed path that is missing. The first entry that a
// path matches counts.
func (r *Report) CheckPaths(entries []Entry) []string {
	var wrong []string
	seen := map[string]bool{}
	for _, p := range r.Paths {
		modes := ""
		for _, m := range []struct {
			is   bool
			name string
		}{{p.Read, "r"}, {p.Write, "w"}, {p.Exec, "x"}} {
			if m.is {
				modes += m.name
			}
		}
		i := slices.IndexFunc(entries, func(e Entry) bool { return matches(e.Name, p.Path) })
		if i < 0 {
			if modes != "" {
				wrong = append(wrong, fmt.Sprintf("%s is not listed and can be opened (%s)", p.Path, modes))
			}
			continue
		}
		seen[entries[i].Name] = true
		if extra := strings.Trim(modes, entries[i].Modes); extra != "" {
			wrong = append(wrong, fmt.Sprintf("%s: %s, listed as %s", p.Path, modes, entries[i].Modes))
		}
	}
	for _, e := range entries {
		if !seen[e.Name] && !strings.ContainsAny(e.Modes, "?-") {
			wrong = append(wrong, fmt.Sprintf("%s is listed and missing", e.Name))
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
