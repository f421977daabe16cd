package static

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Lines of Go without tests: a file is read at a glance, a package in a few
// minutes, the whole of src in an hour. Comments count in a file and a package. In
// src as a whole they do not, because they save the reader more than they take.
const (
	maxFileLines    = 250
	maxPackageLines = 1500
	maxSourceLines  = 7000
	maxClusterLines = 1150
)

// clusterSource matches the files that only the program foobar-etcd needs. They
// have a limit of their own.
var clusterSource = regexp.MustCompile(`/src/(cluster/|foobar-etcd/|config/cluster\.go$)`)

// testPackage matches the packages of src that only tests import, such as apitest.
var testPackage = regexp.MustCompile(`/src/.*[a-z]test/`)

// codeLine matches a line that is neither blank nor a comment.
var codeLine = regexp.MustCompile(`(?m)^\s*[^\s/].*$`)

// playWords are names that were given up for the field's terms (STYLE.md).
var playWords = regexp.MustCompile(`(?i)\b(doze|parting|annoy|patience|intake|bundler|outbox|noise|surroundings)\b`)

// goFiles calls f for each Go file below a directory.
func goFiles(t *testing.T, dir string, f func(path, text string)) {
	t.Helper()
	files(t, dir, func(path, text string) {
		if filepath.Ext(path) == ".go" {
			f(path, text)
		}
	})
}

// files calls f for each file below a directory.
func files(t *testing.T, dir string, f func(path, text string)) {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found = true
		f(path, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Fatalf("%s has no files", dir)
	}
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

// TestFileLimit bounds every Go file but those of tests.
func TestFileLimit(t *testing.T) {
	for _, dir := range []string{"../../src", "../../test", "../../bench", "../../monitoring", "../../examples"} {
		goFiles(t, dir, func(path, text string) {
			if n := strings.Count(text, "\n"); n > maxFileLines && !isTest(path) {
				t.Errorf("%s has %d lines, more than %d", path, n, maxFileLines)
			}
		})
	}
}

// TestPackageLimits bounds the packages of src, src as a whole, and what only
// foobar-etcd needs.
func TestPackageLimits(t *testing.T) {
	packages, total, cluster := map[string]int{}, 0, 0
	goFiles(t, "../../src", func(path, text string) {
		if isTest(path) || testPackage.MatchString(path) {
			return
		}
		n := strings.Count(text, "\n")
		packages[filepath.Dir(path)] += n
		if lines := len(codeLine.FindAllString(text, -1)); clusterSource.MatchString(path) {
			cluster += lines
		} else {
			total += lines
		}
	})
	for dir, n := range packages {
		if n > maxPackageLines {
			t.Errorf("%s has %d lines without tests, more than %d", dir, n, maxPackageLines)
		}
	}
	if total >= maxSourceLines {
		t.Errorf("src has %d lines of code without tests, and not fewer than %d", total, maxSourceLines)
	}
	if cluster >= maxClusterLines {
		t.Errorf("what only foobar-etcd needs has %d lines of code, and not fewer than %d", cluster, maxClusterLines)
	}
}

func TestPlayWords(t *testing.T) {
	files(t, "../../src", func(path, text string) {
		for i, line := range strings.Split(text, "\n") {
			if word := playWords.FindString(line); word != "" {
				t.Errorf("%s:%d: %q is a word of play", path, i+1, word)
			}
		}
	})
}

var testFunction = regexp.MustCompile(`(?m)^func (Test|Fuzz|Benchmark|Example)\w*\(`)

// TestFilesOfTests wants a test in each file that is named like one. What
// several of them use is in helpers_test.go. traffic_test.go has the one function that
// a service of another kind replaces.
func TestFilesOfTests(t *testing.T) {
	goFiles(t, "..", func(path, text string) {
		if isTest(path) && !slices.Contains([]string{"helpers_test.go", "traffic_test.go"}, filepath.Base(path)) && !testFunction.MatchString(text) {
			t.Errorf("%s has no test: move it to helpers_test.go, or to a package", path)
		}
	})
}
