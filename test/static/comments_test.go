package static

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"foobar/test/documents"
)

// commentPath matches the path of a file or directory of the tree in a comment.
var commentPath = regexp.MustCompile(`(?:^|[\s("` + "`" + `])((?:\./)?(?:src|test|bench|docs|monitoring|systemd|pacman|outbound|examples|completions|man)/[\w@./-]*\w)`)

// TestCommentsNameWhatExists looks up each path and each test that a comment in a
// Go file or a script names.
func TestCommentsNameWhatExists(t *testing.T) {
	tests := testFunctions(t)
	for _, path := range commentedFiles(t) {
		for i, line := range documents.Lines(t, path) {
			if !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "#") {
				continue
			}
			for _, match := range commentPath.FindAllStringSubmatch(line, -1) {
				if !exists(filepath.Join("../..", match[1])) {
					t.Errorf("%s:%d: there is no %s", path, i+1, match[1])
				}
			}
			for _, name := range testName.FindAllString(line, -1) {
				if !tests[name] {
					t.Errorf("%s:%d: there is no test %s", path, i+1, name)
				}
			}
		}
	}
}

// commentedFiles returns the Go files, scripts, units and lists of the tree. Those of
// the bare tree are tested in that tree.
func commentedFiles(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." && entry.Name() != ".ci"
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (hidden || entry.Name() == "testdata" || entry.Name() == "pkg" || path == "../../bare"):
			return fs.SkipDir
		case entry.Type().IsRegular() && filepath.Ext(path) != ".md":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
