package attack

import (
	"os"
	"strings"
	"testing"
)

// TestDocument checks that docs/attacks.md has every attack as it is described
// here, and that foobar neither ends nor runs out of memory in any.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range Attacks() {
		if !strings.Contains(string(text), "\n| "+a.Name+" | ") || !strings.Contains(string(text), "Each "+a.Does+".\n") {
			t.Errorf("docs/attacks.md does not have the attack %q as it is: test/attack/run -write", a.Name)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| foobar | ") && (strings.Contains(line, "out of memory") || strings.Contains(line, "has ended") || strings.Contains(line, "no response")) {
			t.Errorf("docs/attacks.md: %s", line)
		}
	}
}
