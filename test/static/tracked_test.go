package static

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoBuildIsTracked wants no program in the repository that a build makes: a
// clone keeps it for good. Without git, as in a package build, there is nothing
// to ask.
func TestNoBuildIsTracked(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("%v: %v", cmd, err)
	}
	for path := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		f, err := os.Open(filepath.Join("../..", path))
		if err != nil {
			continue // deleted, and not committed yet
		}
		var magic [4]byte
		_, _ = f.Read(magic[:])
		f.Close()
		if bytes.Equal(magic[:], []byte("\x7fELF")) {
			t.Errorf("%s is a program: git rm --cached %s", path, path)
		}
	}
}
