package static

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCatalog compares the events that the source has with those that the
// journal's catalog explains: each is logged somewhere, and there, and once.
func TestCatalog(t *testing.T) {
	explained := readCatalog(t, "../../systemd/catalog/foobar.catalog")
	source := allSource(t, "../../src")
	seen := map[string]string{}
	all := events(t, "../../src/logging/events.go")
	maps.Copy(all, events(t, "../../src/cluster/events.go"))
	for name, id := range all {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) || seen[id] != "" {
			t.Errorf("%s: %q is no ID, or that of %s too", name, id, seen[id])
		}
		seen[id] = name
		if explained[id] == "" {
			t.Errorf("%s: the catalog does not explain %s", name, id)
		}
		uses := regexp.MustCompile(`\b`+name+`\b`).FindAllString(source, 2)                                                 // the first is the definition
		if !strings.Contains(source, "logging."+name) && (ast.IsExported(name) || len(uses) < 2) && name != "EntriesLost" { // which package logging logs itself
			t.Errorf("%s is never logged", name)
		}
		delete(explained, id)
	}
	if len(seen) == 0 {
		t.Error("the source has no events")
	}
	for id, text := range explained {
		t.Errorf("the catalog explains what the source does not have: %s, %s", id, text)
	}
}

// events are the constants of type Event by name.
func events(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind := value.Type
		if selector, ok := kind.(*ast.SelectorExpr); ok { // of another package
			kind = selector.Sel
		}
		if kind, ok := kind.(*ast.Ident); ok && kind.Name == "Event" {
			id, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[value.Names[0].Name] = id
		}
		return true
	})
	return found
}

// allSource is what the service is made of, without its tests.
func allSource(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// readCatalog returns the subjects by message ID. Each entry must have a text
// as well.
func readCatalog(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range strings.Split("\n"+string(text), "\n-- ")[1:] {
		header, body, _ := strings.Cut(entry, "\n\n")
		id, header, _ := strings.Cut(header, "\n")
		subject := regexp.MustCompile(`^Subject: (.+)\nDefined-By: foobar$`).FindStringSubmatch(header)
		if subject == nil || strings.TrimSpace(body) == "" || found[id] != "" {
			t.Errorf("%s: %s is there twice, or lacks a subject, who defines it, or a text", path, id)
			continue
		}
		found[id] = subject[1]
	}
	return found
}
