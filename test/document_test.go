//go:build testbed

package test

import (
	"os"
	"strings"
	"testing"
)

// documentCommands are a document's commands, by heading, each heading's as one
// script.
func documentCommands(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, b := range blocks(string(text)) {
		scripts[b.section] += b.text
	}
	if len(scripts) == 0 {
		t.Fatalf("%s has no commands", path)
	}
	return scripts
}

// documentTable is the rows of the table below a heading, each as its cells,
// without the head.
func documentTable(t *testing.T, path, heading string) [][]string {
	t.Helper()
	var rows [][]string
	here := false
	for _, line := range lines(t, path) {
		if strings.HasPrefix(line, "## ") {
			here = line == "## "+heading
		}
		if cells := tableCells(line); here && len(cells) > 0 {
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s: no table below %s", path, heading)
	}
	return rows[2:]
}
