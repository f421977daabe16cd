//go:build testbed

package booted

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/sandbox"
	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const (
	copyPage       = "../../docs/copy.md"
	exampleService = "../../examples/service/feed-agg"
)

// maxLinesByHand is how many lines a copier may have to change, besides the handler,
// README.md and LICENSE.
const maxLinesByHand = 60

// identity lets git commit where nobody has told it who commits.
var identity = []string{"GIT_AUTHOR_NAME=walk", "GIT_AUTHOR_EMAIL=walk@localhost", "GIT_COMMITTER_NAME=walk", "GIT_COMMITTER_EMAIL=walk@localhost"}

// A walk is docs/copy.md with a handler.
type walk struct {
	handler string            // directory
	do      map[string]string // the commands of each step
	name    string            // of the service
	tree    string
}

// TestWalk runs the commands of docs/copy.md as they are written, with the handler in
// testdata/handler: from a clone to the new service, which is installed from a
// repository of its own and answers over HTTPS. The bare tree passes go vet and all
// tests that need no machine.
func TestWalk(t *testing.T) {
	t.Parallel()
	w := &walk{handler: "testdata/handler", do: documents.Scripts(t, copyPage)}
	w.prepare(t)
	t.Run("tree", func(t *testing.T) {
		t.Parallel()
		w.onHost(t, "test -z \"$(gofmt -l .)\"; go mod tidy -diff; go vet -tags testbed ./...; go test -short ./...")
	})
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := machines.Source(t, release)
			w.expectInstalled(t, w.install(t, m), "hello, number 1\n", "0.1 SAFE")
			m.Exec(t, "systemctl", "restart", w.name)
			if got := w.get(m, "/again"); got != "hello, number 2\n" {
				t.Errorf("after a restart: %q", got)
			}
			entries := m.Shell(t, "journalctl --sync; journalctl -q -o cat -u "+w.name+" "+strings.ToUpper(strings.ReplaceAll(w.name, "-", "_"))+"_PATH=/again")
			if entries != "greeted\n" {
				t.Errorf("the journal has %q for the second request", entries)
			}
		})
	}
}

// TestWalkOfExample does the same with the service of examples/service, whose README.md
// replaces some steps: it makes HTTPS calls, and its cache survives a restart without
// the servers. In its sandbox the attempts succeed that succeed with foobar-outbound.
func TestWalkOfExample(t *testing.T) {
	t.Parallel()
	w := &walk{handler: exampleService, do: documents.Scripts(t, copyPage)}
	maps.Copy(w.do, documents.Scripts(t, exampleService+"/README.md"))
	w.prepare(t)
	for step, script := range w.do {
		w.do[step] = strings.ReplaceAll(script, "greeter", w.name)
	}
	release := testbed.Releases[0]
	t.Run(release, func(t *testing.T) {
		m := machines.Source(t, release)
		m.CopyProgram(t, testbed.BuildStatic(t, "../tools/outbound"), "/srv/caller")
		startServers(t, m)
		w.expectInstalled(t, w.install(t, m), "[", "1.0 OK")
		w.awaitEntry(t, m, "the feed of the server")
		m.Exec(t, "systemctl", "stop", "servers")
		m.Exec(t, "systemctl", "restart", w.name)
		w.awaitEntry(t, m, "the feed of the cache")
		m.CopyProgram(t, testbed.BuildStatic(t, "../tools/probe"), "/srv/probe")
		m.Exec(t, "mount", "--bind", "/srv/probe", "/usr/bin/"+w.name)
		m.Exec(t, "systemctl", "restart", w.name)
		report := parse(t, probed(t, m, "/var/lib/private/"+w.name+"/probe.jsonl"))
		for _, wrong := range report.CheckAttempts(sandbox.OutboundAttempts()) {
			t.Error(wrong)
		}
	})
}

// prepare makes the tree of the new service: the steps before the packages are built.
func (w *walk) prepare(t *testing.T) {
	t.Helper()
	handler, err := filepath.Abs(w.handler)
	if err != nil {
		t.Fatal(err)
	}
	w.handler, w.tree = handler, sourceClone(t)
	w.name = regexp.MustCompile(`rename (\S+) --bare`).FindStringSubmatch(w.do["Rename it"])[1]
	w.onHost(t, w.do["Rename it"])
	if left := w.onHost(t, "git grep --cached -il foobar -- . ':!**/testdata/fuzz/**' ':!LICENSE' || true"); left != "" {
		t.Errorf("files of the bare tree that still contain foobar:\n%s", left)
	}
	for _, gone := range []string{"src/state", "src/http1", "src/api", "src/cluster", "bench", "bare", "rename"} {
		if _, err := os.Stat(filepath.Join(w.tree, gone)); err == nil {
			t.Errorf("the bare tree has %s", gone)
		}
	}
	w.onHost(t, w.do["Put your handler in"])
	w.onHost(t, w.do["Open what it needs"])
	byHand := 0
	for line := range strings.Lines(w.onHost(t, "git add -A; git diff --cached --numstat -- . ':!src/app' ':!README.md' ':!LICENSE'")) {
		added, _ := strconv.Atoi(strings.Fields(line)[0])
		byHand += added
	}
	if byHand >= maxLinesByHand {
		t.Errorf("%d lines are to be changed by hand, and fewer than %d may be", byHand, maxLinesByHand)
	}
	t.Logf("%d lines changed by hand", byHand)
}

// onHost runs a script in the tree of the new service.
func (w *walk) onHost(t *testing.T, script string) string {
	t.Helper()
	return inTree(t, w.tree, append(identity, "handler="+w.handler), "bash", "-euo", "pipefail", "-c", script)
}

// install builds the packages of the tree on a machine, installs them from a repository,
// and returns what the last step prints.
func (w *walk) install(t *testing.T, m *testbed.Machine) string {
	t.Helper()
	archive, err := exec.Command("tar", "-C", w.tree, "-cf", "-", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	m.Must(t, testbed.Command{User: "builder", Stdin: string(archive), Args: []string{"bash", "-euc", "mkdir ~/tree; tar -C ~/tree -xf -"}})
	// The tests of the package run on the host at the same time.
	as := func(script string) string {
		t.Helper()
		return m.Must(t, testbed.Command{User: "builder", Dir: "/home/builder/tree", Env: identity, Args: []string{"bash", "-euo", "pipefail", "-c", script}})
	}
	as("echo 'BUILDENV+=(!check)' >~/.makepkg.conf")
	as(w.do["Build the packages"])
	as(w.do["Publish them"])
	return as(w.do["Install and ask"])
}

// expectInstalled looks at the output of the last step for the response, the exposure,
// and the state of the service.
func (w *walk) expectInstalled(t *testing.T, out, response, exposure string) {
	t.Helper()
	for _, want := range []string{response, "exposure level for " + w.name + ".service: " + exposure, "\nrequests "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// get returns what the service answers.
func (w *walk) get(m *testbed.Machine, path string) string {
	return m.Try("curl", "-sS", "--cacert", "/etc/"+w.name+"/credentials/cert", "https://localhost:8080"+path).Stdout
}

// awaitEntry waits until the service serves the entry of test/tools/outbound.
func (w *walk) awaitEntry(t *testing.T, m *testbed.Machine, what string) {
	t.Helper()
	testbed.Eventually(t, 15*time.Second, func() string {
		const want = `[{"feed":"Blog","title":"First","link":"https://blog.example/1","time":"2026-01-01T00:00:00Z"}]`
		if got := w.get(m, "/"); got != want {
			return what + ": " + got + "\n" + m.Try("journalctl", "-q", "-o", "cat", "-u", w.name).Stdout
		}
		return ""
	})
}
