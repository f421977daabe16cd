package static

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/directives"
)

const root = "../.."

// oneSentence matches a comment that says one thing, and ends.
var oneSentence = regexp.MustCompile(`^[A-Z].*[^.]\.$`)

// TestDirectiveComments wants one whole sentence above each directive.
func TestDirectiveComments(t *testing.T) {
	for _, unit := range policyFiles(t) {
		for _, d := range parse(t, unit) {
			if !oneSentence.MatchString(d.Comment) || regexp.MustCompile(`[.!?] [A-Z]`).MatchString(d.Comment) {
				t.Errorf("%s: %s= has the comment %q; want one sentence", unit, d.Name, d.Comment)
			}
		}
	}
}

// beyondNames lists the directives in which a template may differ from its
// unit by more than the instance's name.
var beyondNames = map[string][]string{
	"foobar@.service":             {"User", "Slice"},
	"foobar-credentials@.service": {"ConfigurationDirectory", "ConfigurationDirectoryMode"},
	"foobar@.socket":              {"ListenStream"},
	"foobar-metrics@.socket":      {"ListenStream"},
}

// ofOneUnit matches what a template must not share with other instances.
var ofOneUnit = regexp.MustCompile(`foobar(-[a-z]+)*\.(service|socket|path|timer|sock)\b|(/etc|/var/lib|Directory=)/?foobar\b[^@]`)

// TestTemplates compares each template with the unit of which it is the
// template, comments included.
func TestTemplates(t *testing.T) {
	for _, unit := range policyFiles(t) {
		original := strings.Replace(unit, "@.", ".", 1)
		if !isTemplate(unit) || isLink(t, unit) {
			continue
		}
		template := parse(t, unit)
		var differ []string
		for _, d := range directives.Differences(parse(t, original), template) {
			differ = append(differ, d.Name)
		}
		if !slices.Equal(differ, beyondNames[unit]) {
			t.Errorf("%s differs from %s in %q, want %q", unit, original, differ, beyondNames[unit])
		}
		for _, d := range template {
			for _, value := range d.Values {
				if found := ofOneUnit.FindString(d.Name + "=" + value + " "); found != "" {
					t.Errorf("%s: %s=%s is not the instance's own: %q", unit, d.Name, value, found)
				}
			}
		}
	}
}

// policyFiles returns the paths of all units and drop-ins in the directory of
// units.
func policyFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{root + "/systemd", root + "/outbound", root + "/etcd"} {
		for _, pattern := range []string{"*.service", "*.socket", "*.path", "*.d/*.conf"} {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range found {
				files = append(files, strings.TrimPrefix(file, dir+"/"))
			}
		}
	}
	if len(files) == 0 {
		t.Fatal("there are no units")
	}
	return files
}

// parse parses a unit or drop-in of the packages.
func parse(t *testing.T, unit string) []directives.Directive {
	t.Helper()
	found, err := directives.ParseFile(path(unit))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// path returns where the tree has a unit or drop-in.
func path(unit string) string { return directives.Path(root, unit) }

// isTemplate reports whether a unit is the template of another unit's
// instances.
func isTemplate(unit string) bool {
	return strings.Contains(unit, "@.") && !strings.HasPrefix(unit, "foobar-credentials-check@.service")
}

// isLink reports whether a drop-in is a link to one that several units share.
func isLink(t *testing.T, unit string) bool {
	t.Helper()
	info, err := os.Lstat(path(unit))
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()&os.ModeSymlink != 0
}
