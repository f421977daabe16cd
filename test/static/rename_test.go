package static

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// leftOut matches what a bare tree does not have, and so must not name.
const leftOut = "etcd|cluster|statefile|package http1|fast.path|limits[.](state|uploads)|WritesSlow|DiskFull|Uploads?Refused|version 0[.]1[.]0|" +
	"(one|the) states?([.,]| [^d]|$)|h2spec|apitest|static-c|tools/probe|ARCHITECTURE[.]md|SECURITY[.]md|put -|\\bbench\\b|bare/"

// TestRename wants ./rename to succeed in this tree, whole and bare: every change of
// bare/edits fits the file that it changes, and with a name of two words the Go files
// still parse. A bare tree names nothing that it leaves out, and passes its own tests of
// this package. What the new tree does is a test of test/booted.
func TestRename(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	// A name must not be a word of this tree. The second is that of examples/service.
	for name, options := range map[string][]string{"sun-" + "dial": nil, "feed-" + "agg": {"--bare", "--outbound"}} {
		t.Run(strings.Join(append([]string{"rename"}, options...), " "), func(t *testing.T) {
			t.Parallel()
			run := inCopy(t)
			run("./rename", append(options, name, "example.org/"+name)...)
			run("git", "grep", "--cached", "-q", "example.org/"+name+"/src/httpserver")
			run("sh", "-c", `test -z "$(find . -type d -empty -not -path './.git/*' -print | tee /dev/stderr)"`)
			run("git", "grep", "--cached", "-q", "^[.]Dt "+strings.ToUpper(name)+" 8$")
			if len(options) > 0 {
				run("sh", "-c", "! git grep --cached -niE '"+leftOut+"' -- . ':!go.sum' ':!**/testdata/fuzz/**'")
				run("go", "test", "./test/static")
			}
		})
	}
}

// inCopy returns a function that runs commands in a repository with a copy of the
// working tree.
func inCopy(t *testing.T) func(name string, args ...string) {
	t.Helper()
	if out, err := exec.Command("git", "-C", "../..", "status").CombinedOutput(); err != nil {
		t.Skipf("no repository to copy: %v: %s", err, out)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@localhost", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@localhost")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	run("sh", "-ec", `git -C "$0" ls-files -z --cached --others --exclude-standard | tar -C "$0" --null -T - --ignore-failed-read -cf - | tar -xf -`, tree)
	run("git", "init", "-q")
	run("git", "add", "--all", "--force")
	run("git", "commit", "-qm", "test: copy the working tree")
	return run
}
