package static

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPolicyPage compares foobar-policy(7) with the units: it speaks of no
// directive that they do not have, and lists all that the package installs.
func TestPolicyPage(t *testing.T) {
	page := readPage(t)
	used := map[string]bool{}
	for _, unit := range policyFiles(t) {
		for _, d := range parse(t, unit) {
			used[d.Name] = true
		}
		if exists(root+"/systemd/"+unit) && !strings.Contains(page, "\n.It Pa /usr/lib/systemd/system/"+unit+"\n") {
			t.Errorf("%s is not among the page's files", unit)
		}
	}
	// A directive is marked up by a line that begins or goes on with its macro.
	for _, m := range regexp.MustCompile(`(?:\bVa |, )([A-Z]\w+)=`).FindAllStringSubmatch(page, -1) {
		if !used[m[1]] {
			t.Errorf("the page speaks of %s=, which no unit has", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\n\.It Pa (/usr/lib/\S+)`).FindAllStringSubmatch(page, -1) {
		source := strings.TrimPrefix(strings.TrimPrefix(m[1], "/usr/lib/"), "systemd/system/")
		if !slices.ContainsFunc([]string{"../../systemd/" + source, "../../" + source}, exists) {
			t.Errorf("the page names %s, which is not installed", m[1])
		}
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../man/foobar-policy.7")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
