package documents

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const markdown = `# Title

` + "```sh\nbefore any heading\n```" + `

## First

Text, and ` + "`code`" + `.

` + "```sh\none\n```\n\n```\nnot for a shell\n```\n\n```sh\ntwo\n```" + `

| Name | Value |
|---|---|
| a | (empty), ` + "`b` and `c \\| d`" + ` |

## Second
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestMarkdown(t *testing.T) {
	path := write(t, markdown)
	expect(t, "scripts", Scripts(t, path), map[string]string{"": "before any heading\n", "First": "one\ntwo\n"})
	rows := Table(t, path, "First")
	expect(t, "rows", len(rows), 1)
	expect(t, "cells", rows[0], []string{"a", "(empty), `b` and `c | d`"})
	expect(t, "code spans", CodeSpans(rows[0][1]), []string{"", "b", "c | d"})
	expect(t, "cells outside a table", Cells("text | text"), []string(nil))
}

func TestUnit(t *testing.T) {
	path := write(t, "# comment\n[Service]\nA=1\nB=\nA=x=y\n\n[Install]\nC=3")
	expect(t, "directives", ReadUnit(t, path), Directives{"A": {"1", "x=y"}, "B": {""}, "C": {"3"}})
}

func TestManual(t *testing.T) {
	path := write(t, ".Sh ONE\n.Bd -literal\nnot this\n.Ed\n.Sh TWO\n.Bd -literal -offset indent\na\nb\n.Ed\ntext\n.Bd -literal\nc\n.Ed\n.Sh THREE\n")
	expect(t, "displays", Displays(t, path, "TWO"), []string{"a\nb\n", "c\n"})
}
