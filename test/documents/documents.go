// Package documents reads the project's own text files for the tests that
// compare them with what is installed: units and drop-ins (unit.go), the tables
// and commands of Markdown files (markdown.go), and the commands of manual pages
// (manual.go). A file that cannot be read, or that lacks what is asked for, ends
// the test. The package knows these formats only in the forms that this tree
// uses.
package documents

import (
	"os"
	"strings"
	"testing"
)

// Text returns the content of a file.
func Text(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Lines returns the lines of a file, without white space around them.
func Lines(t testing.TB, path string) []string {
	t.Helper()
	return lines(Text(t, path))
}

func lines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimSpace(line))
	}
	return all
}
