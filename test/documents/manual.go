package documents

import (
	"regexp"
	"strings"
	"testing"
)

// display matches a literal display of mdoc(7).
var display = regexp.MustCompile(`(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed$`)

// Displays returns the literal displays of a section of a manual page, in their
// order. The texts must have no escape sequence.
func Displays(t testing.TB, path, section string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(Text(t, path), "\n.Sh "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", path, section)
	}
	text, _, _ := strings.Cut(rest, "\n.Sh ")
	var all []string
	for _, m := range display.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], `\`) {
			t.Fatalf("%s: a display of %s has an escape sequence: %s", path, section, m[1])
		}
		all = append(all, m[1])
	}
	return all
}
