//go:build testbed

package booted

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

// maxLinesByHand is how many lines a copier may have to change, besides the handler,
// README.md and LICENSE.
const maxLinesByHand = 60

// identity lets git commit where nobody has told it who commits.
var identity = []string{"GIT_AUTHOR_NAME=walk", "GIT_AUTHOR_EMAIL=walk@localhost", "GIT_COMMITTER_NAME=walk", "GIT_COMMITTER_EMAIL=walk@localhost"}

// TestWalk runs the commands of docs/copy.md as they are written, with the handler in
// testdata/handler: from a clone to the new service, which is installed from a
// repository of its own and answers over HTTPS. The bare tree passes go vet and all
// tests that need no machine.
func TestWalk(t *testing.T) {
	t.Parallel()
	tree := sourceClone(t)
	do := documents.Scripts(t, "../../docs/copy.md")
	name := regexp.MustCompile(`rename (\S+) --bare`).FindStringSubmatch(do["Rename it"])[1]
	handler, err := filepath.Abs("testdata/handler")
	if err != nil {
		t.Fatal(err)
	}
	onHost := func(script string) string {
		t.Helper()
		return inTree(t, tree, append(identity, "handler="+handler), "bash", "-euo", "pipefail", "-c", script)
	}
	onHost(do["Rename it"])
	if left := onHost("git grep --cached -il foobar -- . ':!**/testdata/fuzz/**' ':!LICENSE' || true"); left != "" {
		t.Errorf("files of the bare tree that still contain foobar:\n%s", left)
	}
	for _, gone := range []string{"src/state", "src/http1", "src/api", "src/cluster", "bench", "bare", "rename"} {
		if _, err := os.Stat(filepath.Join(tree, gone)); err == nil {
			t.Errorf("the bare tree has %s", gone)
		}
	}
	onHost(do["Put your handler in"])
	byHand := 0
	for line := range strings.Lines(onHost("git add -A; git diff --cached --numstat -- . ':!src/app' ':!README.md' ':!LICENSE'")) {
		added, _ := strconv.Atoi(strings.Fields(line)[0])
		byHand += added
	}
	if byHand >= maxLinesByHand {
		t.Errorf("%d lines are to be changed by hand, and fewer than %d may be", byHand, maxLinesByHand)
	}
	t.Logf("%d lines changed by hand", byHand)
	t.Run("tree", func(t *testing.T) {
		t.Parallel()
		onHost("test -z \"$(gofmt -l .)\"; go mod tidy -diff; go vet -tags testbed ./...; go test -short ./...")
	})
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			installWalked(t, release, name, tree, do)
		})
	}
}

// installWalked builds the packages of a tree on a machine, installs them from a
// repository, and asks the service.
func installWalked(t *testing.T, release, name, tree string, do map[string]string) {
	t.Helper()
	archive, err := exec.Command("tar", "-C", tree, "-cf", "-", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := machines.Source(t, release)
	m.Must(t, testbed.Command{User: "builder", Stdin: string(archive), Args: []string{"bash", "-euc", "mkdir ~/tree; tar -C ~/tree -xf -"}})
	// The tests of the package run on the host at the same time.
	as := func(script string) string {
		t.Helper()
		return m.Must(t, testbed.Command{User: "builder", Dir: "/home/builder/tree", Env: identity, Args: []string{"bash", "-euo", "pipefail", "-c", script}})
	}
	as("echo 'BUILDENV+=(!check)' >~/.makepkg.conf")
	as(do["Build the packages"])
	as(do["Publish them"])
	out := as(do["Install and ask"])
	for _, want := range []string{"hello, number 1\n", "exposure level for " + name + ".service: 0.1 SAFE", "\nrequests "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	m.Exec(t, "systemctl", "restart", name)
	if got := m.Shell(t, "curl -sS --cacert /etc/"+name+"/credentials/cert https://localhost:8080/again"); got != "hello, number 2\n" {
		t.Errorf("after a restart: %q", got)
	}
	entries := m.Shell(t, "journalctl --sync; journalctl -q -o cat -u "+name+" "+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_PATH=/again")
	if entries != "greeted\n" {
		t.Errorf("the journal has %q for the second request", entries)
	}
}
