package static

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDirectives compares docs/directives.md with the units: the same
// directives with the same values in the same order, unit by unit, and none
// that the document calls absent.
func TestDirectives(t *testing.T) {
	document := readDocument(t, "../../docs/directives.md")
	absent := document["Absent"]
	delete(document, "Absent")
	if len(absent) == 0 {
		t.Error("nothing is absent")
	}
	for _, unit := range policyFiles(t, "../../outbound") {
		compare(t, unit, document[unit], readUnit(t, filepath.Join("../../outbound", unit)))
		delete(document, unit)
	}
	for _, unit := range policyFiles(t, "../../systemd") {
		here := readUnit(t, filepath.Join("../../systemd", unit))
		compare(t, unit, document[unit], here)
		delete(document, unit)
		if template := strings.Replace(unit, ".", "@.", 1); !strings.Contains(unit, "@") {
			compare(t, template, document[template], beyondNames(t, template, here, readTemplate(t, unit)))
			delete(document, template)
		}
		if filepath.Ext(unit) != ".service" {
			continue
		}
		for key := range absent {
			if values, ok := here[key]; ok {
				t.Errorf("%s: the document says that %s= is absent, the unit has %q", unit, key, values)
			}
		}
	}
	for heading := range document {
		t.Errorf("%s: in the document, but there is no such unit", heading)
	}
}

// directives are values by name, as often as the name appears.
type directives map[string][]string

// shared matches what would be the one service's own in a template.
var shared = regexp.MustCompile(`foobar(-[a-z]+)?\.(service|socket|path|timer|sock)\b|(/etc|/var/lib|Directory=)/?foobar\b[^@]`)

// beyondNames are the directives of a template that have other values than
// those of the unit that it comes from, when the instance's name is left out.
// One that the template lacks has no values.
func beyondNames(t *testing.T, name string, unit, template directives) directives {
	t.Helper()
	differ := directives{}
	for key := range unit {
		if template[key] == nil {
			differ[key] = nil
		}
	}
	instance := strings.NewReplacer("@%i", "", " (%i)", "")
	for key, values := range template {
		var plain []string
		for _, value := range values {
			if found := shared.FindString(key + "=" + value + " "); found != "" {
				t.Errorf("%s: %s=%s is not the instance's own: %q", name, key, value, found)
			}
			plain = append(plain, instance.Replace(value))
		}
		if !slices.Equal(plain, unit[key]) {
			differ[key] = values
		}
	}
	return differ
}

func compare(t *testing.T, unit string, document, here directives) {
	t.Helper()
	for key, values := range here {
		if !slices.Equal(values, document[key]) {
			t.Errorf("%s: %s= is %q, in the document %q", unit, key, values, document[key])
		}
	}
	for key := range document {
		if _, ok := here[key]; !ok {
			t.Errorf("%s: %s= is in the document only", unit, key)
		}
	}
}

// policyFiles are the paths of all units and drop-ins, relative to dir.
func policyFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.service", "*.socket", "*.path", "*.d/*.conf"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			files = append(files, strings.TrimPrefix(file, dir+"/"))
		}
	}
	if len(files) == 0 {
		t.Fatal("no units in ", dir)
	}
	return files
}

func readUnit(t *testing.T, path string) directives {
	t.Helper()
	return parseUnit(t, path, lines(t, path))
}

// readTemplate reads what the package makes of a unit for the instances.
func readTemplate(t *testing.T, unit string) directives {
	t.Helper()
	out, err := exec.Command("sed", "-E", "-f", "../../systemd/instance.sed", filepath.Join("../../systemd", unit)).Output()
	if err != nil {
		t.Fatalf("the template of %s: %v", unit, err)
	}
	return parseUnit(t, unit, strings.Split(string(out), "\n"))
}

func parseUnit(t *testing.T, path string, lines []string) directives {
	t.Helper()
	found := directives{}
	for _, line := range lines {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no directive", path, line)
		}
		found[key] = append(found[key], value)
	}
	return found
}

var code = regexp.MustCompile("`([^`]*)`")

// readDocument finds the tables by heading. A row's first cell is the
// directive; the values are in the column that is headed "Here", each in code
// marks, the first or only one perhaps "(empty)". A table without that column has names only.
func readDocument(t *testing.T, path string) map[string]directives {
	t.Helper()
	found := map[string]directives{}
	var heading string
	var column int
	for _, line := range lines(t, path) {
		if after, ok := strings.CutPrefix(line, "## "); ok {
			heading = after
			continue
		}
		cells := tableCells(line)
		if len(cells) == 0 || strings.HasPrefix(cells[0], "-") {
			continue
		}
		if cells[0] == "Directive" {
			column = slices.Index(cells, "Here")
			found[heading] = directives{}
			continue
		}
		key := strings.Trim(cells[0], "`=")
		if _, twice := found[heading][key]; twice {
			t.Errorf("%s: %s has two rows for %s=", path, heading, key)
		}
		found[heading][key] = cellValues(cells, column)
	}
	return found
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
