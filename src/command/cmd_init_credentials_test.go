package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/src/credentials"
)

// TestInitCredentialsWithWrongClock sets the clock to a time before the build. The command
// prints a warning, and the certificate is valid.
func TestInitCredentialsWithWrongClock(t *testing.T) {
	t.Cleanup(func() { buildTime = "" })
	for value, wrong := range map[string]bool{"": false, "1": false, "4000000000": true} {
		buildTime = value
		dir := t.TempDir()
		stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		env := environment{getenv: func(string) string { return "" }, stdout: stderr, stderr: stderr}
		if status := run([]string{"init-credentials", "-dir", dir, "-host", "a.example"}, env); status != exitOK {
			t.Errorf("exit status %d", status)
		}
		text, err := os.ReadFile(stderr.Name())
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(string(text), "foobar: warning: this machine's clock shows "); said != wrong {
			t.Errorf("built at %q: output is %s", value, text)
		}
		set, err := credentials.Load(credentials.Files{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")})
		if err != nil {
			t.Fatal(err)
		}
		if at := time.Unix(4000000000, 0); wrong && (at.Before(set.Leaf().NotBefore) || at.After(set.Leaf().NotAfter)) {
			t.Errorf("not valid at the time of the build: %s to %s", set.Leaf().NotBefore, set.Leaf().NotAfter)
		}
	}
}
