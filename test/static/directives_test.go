package static

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/documents"
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
		compare(t, unit, document[unit], documents.ReadUnit(t, filepath.Join("../../outbound", unit)))
		delete(document, unit)
	}
	for _, unit := range policyFiles(t, "../../systemd") {
		here := documents.ReadUnit(t, filepath.Join("../../systemd", unit))
		rows := here
		if original := strings.Replace(unit, "@.", ".", 1); original != unit && unit != checkUnit {
			rows = beyondNames(t, unit, documents.ReadUnit(t, filepath.Join("../../systemd", original)), here)
		}
		compare(t, unit, document[unit], rows)
		delete(document, unit)
		if filepath.Ext(unit) != ".service" || strings.Contains(unit, "@") {
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

// checkUnit is a template without a unit of which it is the template.
const checkUnit = "foobar-credentials-check@.service"

// shared matches what would be the one service's own in a template.
var shared = regexp.MustCompile(`foobar(-[a-z]+)*\.(service|socket|path|timer|sock)\b|(/etc|/var/lib|Directory=)/?foobar\b[^@]`)

// beyondNames are the directives of a template that have other values than
// those of the unit that it comes from, when the instance's name is left out.
// One that the template lacks has no values.
func beyondNames(t *testing.T, name string, unit, template documents.Directives) documents.Directives {
	t.Helper()
	differ := documents.Directives{}
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

func compare(t *testing.T, unit string, document, here documents.Directives) {
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

// readDocument finds the tables by heading. A row's first cell is the
// directive; the values are in the column that is headed "Here", each in code
// marks, the first or only one perhaps "(empty)". A table without that column has names only.
func readDocument(t *testing.T, path string) map[string]documents.Directives {
	t.Helper()
	found := map[string]documents.Directives{}
	var heading string
	var column int
	for _, line := range documents.Lines(t, path) {
		if after, ok := strings.CutPrefix(line, "## "); ok {
			heading = after
			continue
		}
		cells := documents.Cells(line)
		if len(cells) == 0 || strings.HasPrefix(cells[0], "-") {
			continue
		}
		if cells[0] == "Directive" {
			column = slices.Index(cells, "Here")
			found[heading] = documents.Directives{}
			continue
		}
		key := strings.Trim(cells[0], "`=")
		if _, twice := found[heading][key]; twice {
			t.Errorf("%s: %s has two rows for %s=", path, heading, key)
		}
		found[heading][key] = nil
		if column >= 0 {
			found[heading][key] = documents.CodeSpans(cells[column])
		}
	}
	return found
}
