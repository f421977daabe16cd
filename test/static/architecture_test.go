package static

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"foobar/test/documents"
)

// step matches a step of a flow in ARCHITECTURE.md: a file and the functions in
// it, `src/api/write.go: API.replace, API.readBody`.
var step = regexp.MustCompile("`(src/[\\w./]+\\.go): ([^`]+)`")

// TestArchitectureNamesFunctions looks up each function of the flows in the file
// that is named with it.
func TestArchitectureNamesFunctions(t *testing.T) {
	const path = "../../ARCHITECTURE.md"
	steps := step.FindAllStringSubmatch(documents.Text(t, path), -1)
	if len(steps) < 20 {
		t.Fatalf("%s has no more than %d steps", path, len(steps))
	}
	for _, m := range steps {
		text, err := os.ReadFile(filepath.Join("../..", m[1]))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		in := functions(t, m[1], string(text))
		for _, name := range strings.Split(m[2], ", ") {
			if !in[name] {
				t.Errorf("%s names %s in %s, which has no such function", path, name, m[1])
			}
		}
	}
}
