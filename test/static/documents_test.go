package static

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"foobar/test/documents"
)

// maxDocumentLines bounds the documents that a newcomer reads first: two
// screens.
const maxDocumentLines = 120

func TestDocumentsAreShort(t *testing.T) {
	for _, name := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "STYLE.md"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), "\n"); n > maxDocumentLines {
			t.Errorf("%s has %d lines, allowed is %d", name, n, maxDocumentLines)
		}
	}
}

// TestDocumentsLinkToFiles looks up every link of a document that stays within
// the repository.
func TestDocumentsLinkToFiles(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, path := range markdownFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// markdownFiles returns the paths of the repository's documents.
func markdownFiles(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		paths, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	if len(found) < 5 {
		t.Fatalf("found no more documents than %v", found)
	}
	return found
}

// notFaults matches reports of mandoc that are no faults: pages that this machine does
// not have, and a version in the footer, which is unusual only in the pages of an
// operating system.
var notFaults = regexp.MustCompile(`referenced manual not found|mandoc\.db|operating system explicitly specified`)

// TestManualPages has mandoc check the form of the manual pages, where it is
// installed.
func TestManualPages(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed")
	}
	pages, err := filepath.Glob("../../man/*.[1-9]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	// The exit status reports whether mandoc has printed anything.
	out, _ := exec.Command("mandoc", append([]string{"-Tlint"}, pages...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !notFaults.MatchString(line) {
			t.Error(strings.TrimSpace(line))
		}
	}
}

// TestSecurityNamesEveryBound compares the table of SECURITY.md with the limits
// and timeouts of conf.yaml, and its directives with foobar.service.
func TestSecurityNamesEveryBound(t *testing.T) {
	const conf = "../../src/config/conf.yaml"
	missing := map[string]bool{}
	defaults := map[string]string{}
	section := ""
	for _, line := range strings.Split(documents.Text(t, conf), "\n") {
		if m := regexp.MustCompile(`^(  )?(\w+): *(.*)`).FindStringSubmatch(line); m != nil && m[1] == "" {
			section = m[2]
		} else if m != nil && (section == "limits" || section == "timeouts" || strings.HasSuffix(m[2], "timeout")) {
			missing[section+"."+m[2]] = true
			defaults[section+"."+m[2]] = m[3]
		}
	}
	if len(missing) < 5 {
		t.Fatalf("%s has no more bounds than %v", conf, missing)
	}
	keys := maps.Clone(missing)
	unit := documents.ReadUnit(t, "../../systemd/foobar.service")
	for _, row := range documents.Table(t, "../../SECURITY.md", "What is bounded by what") {
		for _, bound := range documents.CodeSpans(row[1]) {
			directive, ok := strings.CutSuffix(bound, "=")
			value := defaults[bound]
			if ok {
				value = strings.Join(unit[directive], " ")
			}
			if !strings.Contains(row[2], value) {
				t.Errorf("SECURITY.md says that the default of %s is %s, and it is %s", bound, row[2], value)
			}
			switch {
			case ok && unit[directive] == nil && !strings.Contains(row[1], "journald"):
				t.Errorf("SECURITY.md names %s, which foobar.service does not set", bound)
			case !ok && !keys[bound]:
				t.Errorf("SECURITY.md names %s, which is not in %s", bound, conf)
			}
			delete(missing, bound)
		}
	}
	for key := range missing {
		t.Errorf("SECURITY.md does not say what %s bounds", key)
	}
}
