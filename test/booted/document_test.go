//go:build testbed

package booted

import (
	"bufio"
	"os"
	"regexp"
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

func lines(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		all = append(all, strings.TrimSpace(scanner.Text()))
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// tableCells are the cells of a table's line, and none of any other line.
func tableCells(line string) []string {
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	const pipe = "\x00"
	line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, pipe)
	cells := strings.Split(line, "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, pipe, "|"))
	}
	return cells
}

func cellValues(cells []string, column int) []string {
	if column < 0 {
		return nil
	}
	var values []string
	if strings.HasPrefix(cells[column], "(empty)") {
		values = append(values, "")
	}
	for _, match := range code.FindAllStringSubmatch(cells[column], -1) {
		values = append(values, match[1])
	}
	return values
}

var code = regexp.MustCompile("`([^`]*)`")
