package directives

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// filterComment is above the list of a unit's system calls.
const filterComment = "# Allows the calls that the service makes, as TestSystemCalls traces them."

// maxFilterLine limits the lines of a written list, in bytes.
const maxFilterLine = 80

// ReadFilter returns the system calls that a unit's measured list allows,
// sorted.
func ReadFilter(path string) ([]string, error) {
	lines, first, end, err := readFilterLines(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range lines[first:end] {
		names = append(names, strings.Fields(strings.TrimPrefix(line, "SystemCallFilter="))...)
	}
	slices.Sort(names)
	return names, nil
}

// ReadDropInFilters returns the system calls that the drop-ins of a unit, in the
// directory beside its file, allow besides its list.
func ReadDropInFilters(path string) ([]string, error) {
	files, err := filepath.Glob(path + ".d/*.conf")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		dropIn, err := ParseFile(file)
		if err != nil {
			return nil, err
		}
		for _, value := range valuesOf(dropIn, "SystemCallFilter") {
			names = append(names, strings.Fields(value)...)
		}
	}
	return names, nil
}

// WriteFilter replaces a unit's measured list.
func WriteFilter(path string, names []string) error {
	lines, first, end, err := readFilterLines(path)
	if err != nil {
		return err
	}
	var list []string
	for _, name := range names {
		if last := len(list) - 1; last >= 0 && len(list[last])+1+len(name) <= maxFilterLine {
			list[last] += " " + name
			continue
		}
		list = append(list, "SystemCallFilter="+name)
	}
	text := strings.Join(slices.Concat(lines[:first], list, lines[end:]), "\n")
	return os.WriteFile(path, []byte(text), 0o644)
}

// readFilterLines returns the lines of a unit, and the first and the end of
// those with the list.
func readFilterLines(path string) (lines []string, first, end int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, 0, err
	}
	lines = strings.Split(string(text), "\n")
	first = slices.Index(lines, filterComment) + 1
	for end = first; end < len(lines) && strings.HasPrefix(lines[end], "SystemCallFilter="); end++ {
	}
	if first == 0 || end == first {
		return nil, 0, 0, fmt.Errorf("%s has no list of system calls below %q", path, filterComment)
	}
	return lines, first, end, nil
}

// DescribeChange returns how a list of system calls changes: a line for each call that
// it gains, with what the call opens for an intruder as the file says, and for each
// that it loses.
func DescribeChange(opensFile string, was, is []string) (string, error) {
	text, err := os.ReadFile(opensFile)
	if err != nil {
		return "", err
	}
	opens := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, what, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			opens[name] = what
		}
	}
	var change strings.Builder
	for _, name := range missing(is, was) {
		what, ok := opens[name]
		if !ok {
			what = fmt.Sprintf("see %s(2): %s has no line about it", name, opensFile)
		}
		fmt.Fprintf(&change, "+ %s: %s\n", name, what)
	}
	for _, name := range missing(was, is) {
		fmt.Fprintf(&change, "- %s\n", name)
	}
	if change.Len() == 0 {
		return "no change\n", nil
	}
	return change.String(), nil
}

// missing returns what of a list the other lacks.
func missing(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
