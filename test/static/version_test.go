package static

import (
	"path/filepath"
	"regexp"
	"testing"

	"foobar/test/documents"
)

// TestVersion wants one version everywhere: that of CHANGELOG.md's newest
// heading. Otherwise a package announces what it is not.
func TestVersion(t *testing.T) {
	const changelog = "../../CHANGELOG.md"
	want := versions(t, changelog, `(?m)^## \[(\d+\.\d+\.\d+)\]`)[0]
	files := map[string]string{
		"../../PKGBUILD":          `(?m)^pkgver=(.*)$`,
		"../../outbound/PKGBUILD": `(?m)^pkgver=(.*)$`,
		"../../etcd/PKGBUILD":     `(?m)^pkgver=(.*)$`,
		"../../.SRCINFO":          `(?m)^\tpkgver = (.*)$`,
		"../../outbound/.SRCINFO": `(?m)^\tpkgver = (.*)$`,
		"../../etcd/.SRCINFO":     `(?m)^\tpkgver = (.*)$`,
	}
	pages, err := filepath.Glob("../../man/*.[1-8]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	for _, page := range pages {
		files[page] = `(?m)^\.Os(?: foobar (.*))?$`
	}
	for path, pattern := range files {
		for _, version := range versions(t, path, pattern) {
			if version != want {
				t.Errorf("%s has version %q, and %s %q", path, version, changelog, want)
			}
		}
	}
}

// versions returns what the pattern's group matches in a file, at least once.
func versions(t *testing.T, path, pattern string) []string {
	t.Helper()
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(documents.Text(t, path), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s: no line matches %s", path, pattern)
	}
	return found
}
