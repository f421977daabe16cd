// Package directives reads the shipped units with the comment above each
// directive, and makes docs/directives.md of them (document.go). It knows the
// form that this tree's units have, not all of systemd.syntax(7): no line is
// continued, and a comment stands directly above what it is about. Start with
// [Parse].
package directives

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Directive is a setting of a unit: one line, or several lines of one name
// that follow each other below one comment.
type Directive struct {
	Section string // "Service"
	Name    string // "ExecStart"
	Values  []string
	Comment string // one line, "" without a comment
}

// ParseFile parses a unit or a drop-in.
func ParseFile(path string) ([]Directive, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(text))
}

// Parse returns the directives of a unit in the order of its text; name stands
// in errors. A comment that a blank line or a section follows is not a
// directive's.
func Parse(name, text string) ([]Directive, error) {
	var found []Directive
	var section string
	var comment []string
	joins := false // whether the line before was a directive
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			comment, joins = nil, false
		case strings.HasPrefix(line, "#"):
			comment, joins = append(comment, strings.TrimSpace(line[1:])), false
		case strings.HasPrefix(line, "["):
			section, comment, joins = strings.Trim(line, "[]"), nil, false
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, fmt.Errorf("%s:%d: %q is not a directive", name, number+1, line)
			}
			if last := len(found) - 1; joins && found[last].Name == key {
				found[last].Values = append(found[last].Values, value)
				continue
			}
			found = append(found, Directive{section, key, []string{value}, strings.Join(comment, " ")})
			comment, joins = nil, true
		}
	}
	return found, nil
}

// Differences returns the directives of a template that are not those of the
// unit of which it is the template, less the instance's name, and the unit's
// directives that the template lacks, without values.
func Differences(unit, template []Directive) []Directive {
	var differ []Directive
	rest := unit
	for _, d := range template {
		if len(rest) > 0 && equal(rest[0], withoutInstance(d)) {
			rest = rest[1:]
			continue
		}
		for len(rest) > 1 && equal(rest[1], withoutInstance(d)) {
			differ = append(differ, Directive{Section: rest[0].Section, Name: rest[0].Name})
			rest = rest[1:]
		}
		if len(rest) > 0 && equal(rest[0], withoutInstance(d)) {
			rest = rest[1:]
			continue
		}
		differ = append(differ, d)
	}
	for _, d := range rest {
		differ = append(differ, Directive{Section: d.Section, Name: d.Name})
	}
	return differ
}

var instance = strings.NewReplacer("@%i", "", " (%i)", "", "@NAME", "")

func withoutInstance(d Directive) Directive {
	values := make([]string, len(d.Values))
	for i, v := range d.Values {
		values[i] = instance.Replace(v)
	}
	return Directive{d.Section, d.Name, values, instance.Replace(d.Comment)}
}

func equal(a, b Directive) bool {
	return a.Section == b.Section && a.Name == b.Name && a.Comment == b.Comment &&
		strings.Join(a.Values, "\n") == strings.Join(b.Values, "\n")
}

// Path returns where the tree below root has a unit or drop-in of the packages, by
// its path in the directory of units.
func Path(root, name string) string {
	for _, dir := range []string{"outbound", "etcd"} {
		path := filepath.Join(root, dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join(root, "systemd", name)
}

// valuesOf returns the values of all directives of a name.
func valuesOf(directives []Directive, name string) []string {
	var values []string
	for _, d := range directives {
		if d.Name == name {
			values = append(values, d.Values...)
		}
	}
	return values
}
