package documents

import (
	"regexp"
	"strings"
	"testing"
)

// A Block is a fenced block of shell commands below the heading Section.
type Block struct{ Section, Text string }

// blockOrHeading matches a heading of the second level, or a block.
var blockOrHeading = regexp.MustCompile("(?m)^## .*$|(?ms)^```sh\n.*?^```$")

// Blocks returns the blocks of a Markdown text that are marked "sh".
func Blocks(markdown string) []Block {
	var all []Block
	section := ""
	for _, part := range blockOrHeading.FindAllString(markdown, -1) {
		if heading, ok := strings.CutPrefix(part, "## "); ok {
			section = heading
			continue
		}
		all = append(all, Block{section, strings.TrimSuffix(strings.TrimPrefix(part, "```sh\n"), "```")})
	}
	return all
}

// Scripts returns the commands of a Markdown file by heading, those below one
// heading as one script.
func Scripts(t testing.TB, path string) map[string]string {
	t.Helper()
	scripts := map[string]string{}
	for _, b := range Blocks(Text(t, path)) {
		scripts[b.Section] += b.Text
	}
	if len(scripts) == 0 {
		t.Fatalf("%s has no commands", path)
	}
	return scripts
}

// Table returns the rows of the table below a heading, each as its cells,
// without the head.
func Table(t testing.TB, path, heading string) [][]string {
	t.Helper()
	var rows [][]string
	below := false
	for _, line := range Lines(t, path) {
		if strings.HasPrefix(line, "## ") {
			below = line == "## "+heading
		}
		if cells := Cells(line); below && len(cells) > 0 {
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s has no table below %q", path, heading)
	}
	return rows[2:]
}

// Cells returns the cells of a table's line, and none for any other line.
func Cells(line string) []string {
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

var codeSpan = regexp.MustCompile("`([^`]*)`")

// CodeSpans returns what stands in code marks in a cell. "(empty)" at the
// cell's beginning stands for an empty value before them.
func CodeSpans(cell string) []string {
	var values []string
	if strings.HasPrefix(cell, "(empty)") {
		values = append(values, "")
	}
	for _, match := range codeSpan.FindAllStringSubmatch(cell, -1) {
		values = append(values, match[1])
	}
	return values
}

// Fence returns the first fenced block of a language in a Markdown file.
func Fence(t testing.TB, path, language string) string {
	t.Helper()
	match := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindStringSubmatch(Text(t, path))
	if match == nil {
		t.Fatalf("%s has no block of %s", path, language)
	}
	return match[1]
}
