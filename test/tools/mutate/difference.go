package main

import (
	"slices"
	"strings"

	"foobar/test/booted/sandbox"
	"foobar/test/directives"
)

// difference returns what the second observation has that the first lacks, and
// the reverse, but for what is unstable.
func difference(first, second observation, unstable map[string]bool) directives.Measurement {
	var m directives.Measurement
	m.Opened, m.Stopped = compareLists(first.attempts, second.attempts, nil)
	m.Gained, m.Lost = compareLists(first.properties, second.properties, unstable)
	opened, stopped := compareLists(paths(first), paths(second), unstable)
	m.OpenedPaths, m.StoppedPaths = perDirectory(opened), perDirectory(stopped)
	m.Partial = first.partial || second.partial
	m.OpenedCalls, m.StoppedCalls = compareLists(first.calls, second.calls, nil)
	return m
}

// unstable returns what two observations of the same unit do not agree on.
func unstable(a, b observation) map[string]bool {
	found := map[string]bool{}
	for _, of := range []func(observation) []string{paths, func(o observation) []string { return o.properties }} {
		more, less := compareLists(of(a), of(b), nil)
		for _, name := range append(more, less...) {
			found[name] = true
		}
	}
	return found
}

// compareLists returns what the second list has in addition, and what it lacks, but for
// the ignored names.
func compareLists(first, second []string, ignored map[string]bool) (more, less []string) {
	return subtract(second, first, ignored), subtract(first, second, ignored)
}

// subtract returns the sorted names of the first list that are neither in the second nor
// ignored.
func subtract(a, b []string, ignored map[string]bool) []string {
	without := map[string]bool{}
	for _, name := range b {
		without[name] = true
	}
	var rest []string
	for _, name := range a {
		if !without[name] && !ignored[name] {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return rest
}

// addAttempts adds the attempts that have succeeded in another run.
func (o *observation) addAttempts(other observation) {
	o.attempts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(o.attempts, other.attempts))))
}

// paths returns the paths with how they can be opened, a line for each way.
func paths(o observation) []string {
	if o.report == nil {
		return nil
	}
	var found []string
	for _, way := range []struct {
		name string
		is   func(sandbox.Path) bool
	}{{"read", sandbox.Readable}, {"write", sandbox.Writable}} {
		for _, path := range o.report.Where(way.is) {
			found = append(found, way.name+" "+path)
		}
	}
	return found
}

// perDirectory counts paths by the first name in them, such as "read /proc".
func perDirectory(paths []string) map[string]int {
	counts := map[string]int{}
	for _, p := range paths {
		way, path, _ := strings.Cut(p, " /")
		first, _, _ := strings.Cut(path, "/")
		counts[way+" /"+first]++
	}
	return counts
}
