package main

import (
	"slices"
	"strings"

	"foobar/test/directives"
)

// A line is one directive of a unit.
type line struct{ section, name, value string }

// A unit is the lines of a unit and its drop-ins, in their order.
type unit []line

// readUnit reads a unit and its drop-ins.
func readUnit(paths ...string) (unit, error) {
	var u unit
	for _, path := range paths {
		found, err := directives.ParseFile(path)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			for _, value := range d.Values {
				u = append(u, line{d.Section, d.Name, value})
			}
		}
	}
	return u, nil
}

// text returns the text of the unit.
func (u unit) text() string {
	var b strings.Builder
	section := ""
	for _, l := range u {
		if l.section != section {
			section = l.section
			b.WriteString("[" + section + "]\n")
		}
		b.WriteString(l.name + "=" + l.value + "\n")
	}
	return b.String()
}

func (u unit) has(name string) bool {
	return slices.ContainsFunc(u, func(l line) bool { return l.name == name })
}

// set replaces the value of the lines of a name.
func (u unit) set(name, value string) unit {
	changed := slices.Clone(u)
	for i := range changed {
		if changed[i].name == name {
			changed[i].value = value
		}
	}
	return changed
}

// A change takes a directive out, or adds it: whole lines, or one element of a
// line that is a list.
type change struct {
	name, value string
	lines       []line // in additions: the lines to add; in cuts: those to take out
	element     string // in cuts: the only element to take out
}

// lists names the directives whose value is a list of independent elements.
// The calls of SystemCallFilter= are measured by TestSystemCalls one by one.
var lists = []string{"InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths", "NoExecPaths", "UnsetEnvironment", "Sockets"}

// joined names the directives of which a single line has no meaning.
var joined = []string{"SystemCallFilter"}

// cuts returns the changes that take one thing out of [Service].
func (u unit) cuts() []change {
	cuts := u.additions([]string{"ExecStart"})
	for _, l := range u {
		elements := strings.Fields(l.value)
		if l.section != "Service" || !slices.Contains(lists, l.name) || len(elements) < 2 {
			continue
		}
		for _, e := range elements {
			cuts = append(cuts, change{l.name, e, []line{l}, e})
		}
	}
	return cuts
}

// additions returns a change for each line of [Service] but those of the kept names.
func (u unit) additions(kept []string) []change {
	var all []change
	for _, l := range u {
		if l.section != "Service" || slices.Contains(kept, l.name) {
			continue
		}
		last := len(all) - 1
		if last >= 0 && all[last].name == l.name && slices.Contains(joined, l.name) {
			all[last].value += "; " + l.value
			all[last].lines = append(all[last].lines, l)
			continue
		}
		all = append(all, change{l.name, l.value, []line{l}, ""})
	}
	return all
}

// apply returns the unit without what the change takes out.
func (c change) apply(u unit) unit {
	var rest unit
	for _, l := range u {
		if !slices.Contains(c.lines, l) {
			rest = append(rest, l)
			continue
		}
		if c.element != "" {
			others := slices.DeleteFunc(strings.Fields(l.value), func(e string) bool { return e == c.element })
			rest = append(rest, line{l.section, l.name, strings.Join(others, " ")})
		}
	}
	return rest
}

// add returns the unit with the change's lines.
func (c change) add(u unit) unit {
	added := slices.Clone(u)
	if c.name == "DynamicUser" {
		added = slices.DeleteFunc(added, func(l line) bool { return l.name == "User" })
	}
	if c.name == "SystemCallFilter" { // or the first denied call ends the probe
		added = append(added, line{"Service", "SystemCallErrorNumber", "EPERM"})
	}
	return append(added, c.lines...)
}

// needsRoot reports whether a directive has a meaning only below RootDirectory=.
func (c change) needsRoot() bool {
	return c.name == "MountAPIVFS" || c.name == "BindLogSockets" || strings.Contains(c.value, "+/")
}
