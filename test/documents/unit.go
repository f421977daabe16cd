package documents

import (
	"strings"
	"testing"
)

// Directives holds the values of a unit's directives by name, in the order of
// the file. A directive that appears twice has two values.
type Directives map[string][]string

// ReadUnit reads a unit or drop-in, systemd.syntax(7). Sections are not
// distinguished, and lines are not continued.
func ReadUnit(t testing.TB, path string) Directives {
	t.Helper()
	return ParseUnit(t, path, Text(t, path))
}

// ParseUnit is ReadUnit for a text; name stands in messages.
func ParseUnit(t testing.TB, name, text string) Directives {
	t.Helper()
	found := Directives{}
	for _, line := range lines(text) {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is not a directive", name, line)
		}
		found[key] = append(found[key], value)
	}
	return found
}
