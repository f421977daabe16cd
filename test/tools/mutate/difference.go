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
	m.Opened, m.Stopped = both(first.attempts, second.attempts, nil)
	m.Gained, m.Lost = both(first.properties, second.properties, unstable)
	opened, stopped := both(paths(first), paths(second), unstable)
	m.OpenedPaths, m.StoppedPaths = perDirectory(opened), perDirectory(stopped)
	m.Partial = first.partial || second.partial
	m.OpenedCalls, m.StoppedCalls = both(first.calls, second.calls, nil)
	return m
}

// unstable returns what two observations of the same unit do not agree on.
func unstable(a, b observation) map[string]bool {
	found := map[string]bool{}
	for _, of := range []func(observation) []string{paths, func(o observation) []string { return o.properties }} {
		more, less := both(of(a), of(b), nil)
		for _, name := range append(more, less...) {
			found[name] = true
		}
	}
	return found
}

// both returns what the second list has in addition, and what it lacks.
func both(first, second []string, but map[string]bool) (more, less []string) {
	return minus(second, first, but), minus(first, second, but)
}

func minus(a, b []string, but map[string]bool) []string {
	without := map[string]bool{}
	for _, name := range b {
		without[name] = true
	}
	var rest []string
	for _, name := range a {
		if !without[name] && !but[name] {
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
