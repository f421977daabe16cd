package static

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"foobar/test/documents"
)

// TestSecurityNamesEveryBound compares the table of SECURITY.md with the limits
// and timeouts of conf.yaml, and its directives with foobar.service.
func TestSecurityNamesEveryBound(t *testing.T) {
	const conf = "../../src/config/conf.yaml"
	missing := map[string]bool{}
	defaults := map[string]string{}
	section := ""
	for _, line := range strings.Split(documents.Text(t, conf), "\n") {
		if m := regexp.MustCompile(`^(  )?(\w+): *(.*)`).FindStringSubmatch(line); m != nil && m[1] == "" {
			section = m[2]
		} else if m != nil && (section == "limits" || section == "timeouts" || strings.HasSuffix(m[2], "timeout")) {
			missing[section+"."+m[2]] = true
			defaults[section+"."+m[2]] = m[3]
		}
	}
	if len(missing) < 5 {
		t.Fatalf("%s has no more bounds than %v", conf, missing)
	}
	keys := maps.Clone(missing)
	unit := documents.ReadUnit(t, "../../systemd/foobar.service")
	for _, row := range documents.Table(t, "../../SECURITY.md", "What is bounded by what") {
		for _, bound := range documents.CodeSpans(row[1]) {
			directive, ok := strings.CutSuffix(bound, "=")
			value := defaults[bound]
			if ok {
				value = strings.Join(unit[directive], " ")
			}
			if !strings.Contains(row[2], value) {
				t.Errorf("SECURITY.md says that the default of %s is %s, and it is %s", bound, row[2], value)
			}
			switch {
			case ok && unit[directive] == nil && !strings.Contains(row[1], "journald"):
				t.Errorf("SECURITY.md names %s, which foobar.service does not set", bound)
			case !ok && !keys[bound]:
				t.Errorf("SECURITY.md names %s, which is not in %s", bound, conf)
			}
			delete(missing, bound)
		}
	}
	for key := range missing {
		t.Errorf("SECURITY.md does not say what %s bounds", key)
	}
}
