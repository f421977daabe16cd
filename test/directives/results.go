package directives

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// results are the measurements of one unit.
type results []Measurement

// of returns the measurements of a subject.
func of(all []Measurement, subject string) results {
	return slices.DeleteFunc(slices.Clone(all), func(m Measurement) bool { return m.Subject != subject })
}

// find returns the measurement of a change of a directive's value.
func (r results) find(change, name, value string) (Measurement, bool) {
	i := slices.IndexFunc(r, func(m Measurement) bool {
		return m.Change == change && m.Directive == name && (m.Value == value || isFilter(name))
	})
	if i < 0 {
		return Measurement{}, false
	}
	return r[i], true
}

// isFilter reports whether the lines of a directive were measured together:
// TestSystemCalls measures the calls in them.
func isFilter(name string) bool { return name == "SystemCallFilter" }

// elements returns the measurements of the unit without one element of a list.
func (r results) elements(d Directive) []Measurement {
	var found []Measurement
	for _, value := range d.Values {
		words := strings.Fields(value)
		for _, m := range r {
			if m.Change == "without" && m.Directive == d.Name && len(words) > 1 && slices.Contains(words, m.Value) {
				found = append(found, m)
			}
		}
	}
	return found
}

// cells are what the tables say of a directive: what opens without it, what it
// stops alone, what else stops that, and the exposure without it.
type cells struct{ opens, alone, covers, exposure string }

func (r results) cells(d Directive) cells {
	without, ok := r.find("without", d.Name, d.Values[0])
	if !ok {
		return cells{}
	}
	opens := []string{effect(without, true)}
	for _, e := range r.elements(d) {
		opens = append(opens, code(e.Value)+": "+effect(e, true))
	}
	c := cells{opens: strings.Join(opens, "<br>")}
	if m, ok := r.find("alone", d.Name, d.Values[0]); ok {
		c.alone, c.covers = effect(m, false), r.covers(without, m)
	}
	if base, _ := r.find("", "", ""); without.Exposure != base.Exposure {
		c.exposure = without.Exposure
	}
	return c
}

const noEffect = "nothing: implied, or the default"

// effect says in a cell what a change opens or stops.
func effect(m Measurement, opens bool) string {
	if m.Failure != "" {
		return "does not start (" + m.Failure + ")"
	}
	if m.isReplaced() {
		return "not measured: the probe's report is the standard output"
	}
	attempts, calls, paths := m.Opened, m.OpenedCalls, m.OpenedPaths
	if !opens {
		attempts, calls, paths = m.Stopped, m.StoppedCalls, m.StoppedPaths
	}
	parts := slices.Concat(names(attempts, "attempts"), names(calls, "system calls"), counts(paths), properties(m))
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	if opens && !changesSetting(m) {
		return noEffect
	}
	return "nothing"
}

// maxNames limits the names in a cell.
const maxNames = 5

func names(list []string, what string) []string {
	if len(list) == 0 {
		return nil
	}
	if len(list) > maxNames {
		return []string{fmt.Sprintf("%d %s", len(list), what)}
	}
	var shown []string
	for _, name := range list {
		shown = append(shown, code(name))
	}
	return []string{strings.Join(shown, ", ")}
}

// noise returns more than the number of paths in a directory that come and go
// during the measurements: devices of other machines on the host, and files of
// systemd.
func noise(dir string) int {
	return map[string]int{"/sys": 100, "/run": 2}[dir]
}

// counts shows the paths of each first directory.
func counts(paths map[string]int) []string {
	var shown []string
	for _, way := range []struct{ key, what string }{{"read", "path"}, {"write", "writable path"}} {
		for _, dir := range []string{"/etc", "/home", "/root", "/run", "/tmp", "/var", "/dev", "/proc", "/sys"} {
			if n := paths[way.key+" "+dir]; n > 0 && n >= noise(dir) {
				shown = append(shown, fmt.Sprintf("%s %s in %s", thousands(n), plural(n, way.what, way.what+"s"), code(dir)))
			}
		}
	}
	return shown
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// properties shows how the process differs: a value that it has now, or one
// that is gone.
func properties(m Measurement) []string {
	var shown []string
	mounts := 0
	for _, p := range m.Gained {
		kind, rest, _ := strings.Cut(p, " ")
		switch kind {
		case "setting":
		case "mount":
			mounts++
		case "namespace", "credential":
			shown = append(shown, "a "+kind+" "+code(rest))
		case "environment", "status", "limit", "control":
			if strings.HasPrefix(rest, "CapInh") { // has no effect on a user without privileges
				continue
			}
			shown = append(shown, code(strings.TrimPrefix(rest, "Max ")))
		default:
			shown = append(shown, code(p))
		}
	}
	for _, p := range m.Lost {
		kind, rest, _ := strings.Cut(p, " ")
		switch kind {
		case "mount":
			mounts++
		case "namespace", "credential":
			shown = append(shown, "no "+kind+" "+code(rest))
		case "environment":
			name, _, _ := strings.Cut(rest, "=")
			if !slices.ContainsFunc(m.Gained, func(g string) bool { return strings.HasPrefix(g, "environment "+name+"=") }) {
				shown = append(shown, "no "+code(name))
			}
		}
	}
	if len(shown) > maxNames {
		shown = []string{fmt.Sprintf("%d properties", len(shown))}
	}
	if mounts > 0 {
		shown = append(shown, fmt.Sprintf("%d %s", mounts, plural(mounts, "change of mounts", "changes of mounts")))
	}
	return shown
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// changesSetting reports whether systemd's own view of the unit changes.
func changesSetting(m Measurement) bool {
	return slices.ContainsFunc(append(m.Gained, m.Lost...), func(p string) bool { return strings.HasPrefix(p, "setting ") })
}

// covers names directives that stop alone what the directive stops alone and
// what yet does not open without it: a single one if there is such, else
// several.
func (r results) covers(without, alone Measurement) string {
	rest := missing(stopped(alone), append(without.Opened, without.OpenedCalls...))
	if len(rest) == 0 || without.Failure != "" {
		return ""
	}
	var single []string
	for _, m := range r {
		if m.Change == "alone" && m.Directive != alone.Directive && len(missing(rest, stopped(m))) == 0 {
			single = append(single, code(m.Directive+"="))
		}
	}
	if len(single) > 0 {
		return strings.Join(slices.Compact(single), " or ")
	}
	return r.coveredTogether(rest, alone.Directive)
}

// coveredTogether takes the directive that stops the most of what is left, and
// then the next.
func (r results) coveredTogether(rest []string, but string) string {
	var taken []string
	for len(rest) > 0 {
		best, left := "", rest
		for _, m := range r {
			if still := missing(rest, stopped(m)); m.Change == "alone" && m.Directive != but && len(still) < len(left) {
				best, left = m.Directive, still
			}
		}
		if best == "" {
			break
		}
		taken, rest = append(taken, code(best+"=")), left
	}
	if len(rest) > 0 && len(taken) > 0 {
		return "in part: " + strings.Join(taken, " with ")
	}
	return strings.Join(taken, " with ")
}

func stopped(m Measurement) []string { return slices.Concat(m.Stopped, m.StoppedCalls) }
