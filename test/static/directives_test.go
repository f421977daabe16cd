package static

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foobar/test/directives"
	"foobar/test/documents"
)

// TestDirectives compares docs/directives.md with what the units and their
// comments say. With FOOBAR_WRITE=1 it writes the document.
func TestDirectives(t *testing.T) {
	const path = root + "/docs/directives.md"
	want, err := directives.Document(root)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("FOOBAR_WRITE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := documents.Text(t, path); got != want {
		t.Errorf("%s is not what the units say; write it by FOOBAR_WRITE=1 go test ./test/static -run TestDirectives", path)
	}
	for _, unit := range policyFiles(t) {
		if !strings.Contains(want, "## "+unit+"\n") && !isTemplate(unit) && !isLink(t, unit) {
			t.Errorf("the document has no heading %q", unit)
		}
	}
}

// TestMeasurements wants a measurement of every directive, and none of others.
// A package with a changed unit can be built without one.
func TestMeasurements(t *testing.T) {
	if testing.Short() {
		t.Skip("a short run does not compare measurements")
	}
	wrong, err := directives.Unmeasured(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	if len(wrong) > 0 {
		t.Error("measure by FOOBAR_ONLY=DIRECTIVE,... go test -tags testbed,measure -timeout 40m -run TestMeasureDirectives ./test/booted, then FOOBAR_WRITE=1 go test ./test/static -run TestDirectives")
	}
}

// TestDirectivesWithoutEffect wants the comment of a directive that makes no difference
// to say why: it is the default, or another directive implies it.
func TestDirectivesWithoutEffect(t *testing.T) {
	wrong, err := directives.Unexplained(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		// The measurements are made where the kernel enforces no limit; TestKernel in
		// test/vm shows what this one is for.
		if !strings.HasPrefix(w, "foobar.service.d/10-credentials.conf: LoadCredential=memory-max:") {
			t.Error(w)
		}
	}
}

// TestAbsentDirectives wants no service to set what the document calls absent,
// and the document to name all that the article sets and foobar.service does
// not.
func TestAbsentDirectives(t *testing.T) {
	absent := directives.Absent()
	if len(absent) == 0 {
		t.Fatal("the document calls nothing absent")
	}
	for _, unit := range policyFiles(t) {
		if filepath.Ext(unit) != ".service" || isTemplate(unit) {
			continue
		}
		for _, d := range parse(t, unit) {
			if slices.Contains(absent, d.Name) {
				t.Errorf("%s: the document says that %s= is absent", unit, d.Name)
			}
		}
	}
	ours := append(parse(t, "foobar.service"), parse(t, "foobar.service.d/10-credentials.conf")...)
	article, err := directives.ParseFile(filepath.Join(root, directives.ArticleUnit))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range article {
		set := slices.ContainsFunc(ours, func(o directives.Directive) bool { return o.Name == d.Name })
		if !set && !slices.Contains(absent, d.Name) {
			t.Errorf("the article sets %s=, and the document does not say why foobar.service does not", d.Name)
		}
	}
}
