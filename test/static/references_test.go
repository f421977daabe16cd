package static

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"testing"

	"foobar/test/documents"
)

var (
	// treePath matches the path of a file or directory of the tree.
	treePath = regexp.MustCompile(`^(src|test|docs|man|systemd|bench|monitoring|outbound|examples|pacman|completions)/[\w./@-]+$`)
	// testName matches the name of a test, alone or before a release: TestReload/forky.
	testName = regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w*`)
)

// TestDocumentsNameWhatExists looks up each path and each test that a document
// names. docs/directives.md and bench/README.md are written by programs.
func TestDocumentsNameWhatExists(t *testing.T) {
	tests := testFunctions(t)
	for _, path := range markdownFiles(t) {
		text := documents.Text(t, path)
		for _, span := range documents.CodeSpans(text) {
			if !treePath.MatchString(span) {
				continue
			}
			if !exists("../../"+span) && !exists("../../bare/_tree/"+span) {
				t.Errorf("%s names %s, which does not exist", path, span)
			}
		}
		for _, name := range testName.FindAllString(text, -1) {
			if !tests[name] {
				t.Errorf("%s names %s, and there is no such test", path, name)
			}
		}
	}
}

// testFunctions returns the names of all functions in files of tests.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range []string{"../../src", "../../test", "../../bench", "../../monitoring", "../../examples"} {
		goFiles(t, dir, func(path, text string) {
			if isTest(path) {
				for name := range functions(t, path, text) {
					found[name] = true
				}
			}
		})
	}
	return found
}

// functions returns the functions of a Go file, methods by their own name and
// as Type.Method.
func functions(t *testing.T, path, text string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		found[f.Name.Name] = true
		if f.Recv != nil {
			found[receiver(f.Recv.List[0].Type)+"."+f.Name.Name] = true
		}
	}
	return found
}

// receiver returns the name of the type of a method's receiver.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
