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
	defaults := defaultValues()
	for _, k := range keys() {
		got, ok := page[k.path]
		if !ok {
			t.Errorf("%s is missing in the page", k.path)
			continue
		}
		delete(page, k.path)
		if got[0] != defaults[k.path] {
			t.Errorf("%s: default is %s, in the page %s", k.path, defaults[k.path], got[0])
		}
		if want := allowedFor(t, k); got[1] != want {
			t.Errorf("%s: allowed is %q, in the page %q", k.path, want, got[1])
		}
	}
	for path := range page {
		t.Errorf("%s is in the page only", path)
	}
}

func defaultValues() map[string]string {
	values := map[string]string{}
	for _, s := range settings(Default()) {
		values[s.Path] = s.Default
	}
	return values
}

// allowedFor returns what the error for an invalid value of k says is allowed.
func allowedFor(t *testing.T, k key) string {
	t.Helper()
	if k.bounds != "" {
		return k.bounds
	}
	section, name, _ := strings.Cut(k.path, ".")
	_, err := Parse("conf.yaml", []byte(section+": {"+name+": nonsense}"))
	if err == nil {
		t.Fatalf("%s allows nonsense", k.path)
	}
	_, allowed, _ := strings.Cut(err.Error(), "allowed is ")
	return allowed
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
