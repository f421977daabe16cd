package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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

// TestDocumentsRepeatNoLine finds a row or a sentence that a merge has left twice.
func TestDocumentsRepeatNoLine(t *testing.T) {
	for _, path := range markdownFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		previous := ""
		for line := range strings.Lines(string(text)) {
			if line == previous && len(line) > len("| --- |\n") {
				t.Errorf("%s has this line twice: %s", path, line)
			}
			previous = line
		}
	}
}

// markdownFiles returns the paths of the repository's documents. Those of the bare tree
// are tested in that tree.
func markdownFiles(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md", "*/*/*/*.md"} {
		paths, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	found = slices.DeleteFunc(found, func(path string) bool { return strings.HasPrefix(path, "../../bare/") })
	if len(found) < 5 {
		t.Fatalf("found no more documents than %v", found)
	}
	return found
}

// notFaults matches reports of mandoc that are no faults: pages that this machine does
// not have, a version in the footer, which is unusual only in the pages of an
// operating system, and lines that a longer name of the project makes too long.
var notFaults = regexp.MustCompile(`referenced manual not found|mandoc\.db|operating system explicitly specified|text line longer than`)

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
