package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestManualPageHasEveryKey compares the keys in foobar.yaml(5), their defaults
// and their ranges with those of the package.
func TestManualPageHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../man/foobar.yaml.5")
	if err != nil {
		t.Fatal(err)
	}
	page := map[string][2]string{}
	entry := regexp.MustCompile(`(?ms)^\.It Va (\S+)\n(.*?)\n\.br\nDefault: ([^\n]+)\.\nAllowed: ([^\n]*)\.$`)
	for _, m := range entry.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[2], "\n.It ") {
			t.Errorf("%s has no default", m[1])
		}
		page[m[1]] = [2]string{m[3], m[4]}
	}
	for _, k := range keys() {
		got, ok := page[k.path]
		if !ok {
			t.Errorf("%s is missing in the page", k.path)
			continue
		}
		delete(page, k.path)
		if want := k.text(Default()); got[0] != want {
			t.Errorf("%s: default is %s, in the page %s", k.path, want, got[0])
		}
		if want := k.allowed; got[1] != want {
			t.Errorf("%s: allowed is %q, in the page %q", k.path, want, got[1])
		}
	}
	for path := range page {
		t.Errorf("%s is in the page only", path)
	}
}

func TestManualPageExampleIsValid(t *testing.T) {
	text, err := os.ReadFile("../../man/foobar.yaml.5")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`(?s)\.Bd -literal[^\n]*\n(.*?)\.Ed`).FindAllSubmatch(text, -1)
	if len(examples) == 0 {
		t.Error("the page has no example")
	}
	for _, m := range examples {
		c, err := Parse("foobar.yaml.5", m[1])
		if err != nil || len(NonDefault(c)) == 0 {
			t.Errorf("%v: %s", err, m[1])
		}
	}
}
