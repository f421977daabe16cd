package static

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/directives"
	"foobar/test/documents"
)

// opensFile says what each system call opens.
const opensFile = "../tools/systrace/opens.txt"

// TestDescribeChange wants a line for each call that a list gains or loses.
func TestDescribeChange(t *testing.T) {
	for _, test := range []struct {
		was, is []string
		want    []string
	}{
		{[]string{"read"}, []string{"read"}, []string{"no change"}},
		{[]string{"close", "read"}, []string{"read", "socket"}, []string{"+ socket: sockets of the families", "- close"}},
		{nil, []string{"novel"}, []string{"+ novel: see novel(2): "}},
	} {
		got, err := directives.DescribeChange(opensFile, test.was, test.is)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if !slices.EqualFunc(lines, test.want, strings.HasPrefix) {
			t.Errorf("from %q to %q: %q, want %q", test.was, test.is, lines, test.want)
		}
	}
}

// TestOpens wants one line about each call.
func TestOpens(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range documents.Lines(t, opensFile) {
		name, what, ok := strings.Cut(line, " ")
		if name == "#" || line == "" {
			continue
		}
		if !ok || what == "" || seen[name] {
			t.Errorf("%s: %q has no text, or repeats a call", opensFile, line)
		}
		seen[name] = true
	}
}

// filterLine matches a line of the list of a unit.
var filterLine = regexp.MustCompile(`(?m)^SystemCallFilter=[a-z].*\n`)

// TestWriteFilter writes a list into the unit and reads it again. Everything else of the
// file stays as it is. A list that was edited by hand must have the same form.
func TestWriteFilter(t *testing.T) {
	unit := documents.Text(t, root+"/systemd/foobar.service")
	path := filepath.Join(t.TempDir(), "foobar.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := directives.ReadFilter(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{{"read", "write"}, before} {
		if err := directives.WriteFilter(path, names); err != nil {
			t.Fatal(err)
		}
		if got, err := directives.ReadFilter(path); err != nil || !slices.Equal(got, names) {
			t.Errorf("%q is written, and %q is read (%v)", names, got, err)
		}
	}
	if written := documents.Text(t, path); written != unit {
		t.Errorf("the calls of SystemCallFilter= in systemd/foobar.service are not in alphabetical order, or a line is too short or too long; write\n%s",
			strings.Join(filterLine.FindAllString(written, -1), ""))
	}
}

// TestReadFilterRefuses wants an error for a unit without a list, which names the file.
func TestReadFilterRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.service")
	if err := os.WriteFile(path, []byte("[Service]\nSystemCallFilter=read\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := directives.ReadFilter(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a unit without a measured list: %v", err)
	}
}

// TestReadDropInFilters reads what a drop-in allows besides the list of its unit.
func TestReadDropInFilters(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "foobar.service")
	if err := os.Mkdir(unit+".d", 0o755); err != nil {
		t.Fatal(err)
	}
	const dropIn = "[Service]\n# Allows the calls of a client.\nSystemCallFilter=connect socket\nSystemCallFilter=bind\n"
	if err := os.WriteFile(unit+".d/50-outbound.conf", []byte(dropIn), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := directives.ReadDropInFilters(unit)
	if err != nil || !slices.Equal(got, []string{"connect", "socket", "bind"}) {
		t.Errorf("the drop-in allows %q (%v)", got, err)
	}
}
