package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxDocumentLines bounds the documents that a newcomer reads first: two
// screens.
const maxDocumentLines = 120

func TestDocumentsAreShort(t *testing.T) {
	for _, name := range []string{"STYLE.md"} {
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

// TestManualPages has mandoc check the form of the manual pages, where it is
// installed. It does not look for the pages that they refer to.
func TestManualPages(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed")
	}
	pages, err := filepath.Glob("../../man/*.[1-9]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	out, err := exec.Command("mandoc", append([]string{"-Tlint"}, pages...)...).CombinedOutput()
	if err != nil {
		t.Logf("mandoc: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "referenced manual not found") && !strings.Contains(line, "mandoc.db") {
			t.Error(strings.TrimSpace(line))
		}
	}
}
