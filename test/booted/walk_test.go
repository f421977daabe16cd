//go:build testbed

package booted

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/sandbox"
	"foobar/test/booted/testbed"
	"foobar/test/directives"
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

// greeter returns what docs/sandbox.md says about the service of TestWalk.
func greeter() sandbox.Copy {
	return sandbox.Copy{
		Heading: "## The service of docs/copy.md",
		About:   "`TestWalk` makes the service of [copy.md](copy.md), which opens nothing, and runs the probe in its place.",
	}
}

// feedAgg returns what docs/sandbox.md says about the service of TestWalkOfExample.
func feedAgg() sandbox.Copy {
	c := sandbox.Copy{
		Heading: "## The service feed-agg",
		About: "`TestWalkOfExample` makes the service of [examples/service/feed-agg](../examples/service/feed-agg/README.md), which makes\n" +
			"HTTPS calls and keeps a cache, and runs the probe in its place.",
	}
	c.Attempts, c.Paths = sandbox.OutboundOnly()
	c.Paths = append(c.Paths, sandbox.CachePaths("feed-agg")...)
	return c
}

// copies returns what docs/sandbox.md says about the services of both walks.
func copies() []sandbox.Copy { return []sandbox.Copy{greeter(), feedAgg()} }

// TestWalk runs the commands of docs/copy.md as they are written, with the handler in
// testdata/handler: from a clone to the new service, which is installed from a
// repository of its own, answers over HTTPS, and answers every request while it is
// upgraded. The bare tree passes go vet, staticcheck and all tests that need no machine.
func TestWalk(t *testing.T) {
	t.Parallel()
	w := &walk{handler: "testdata/handler", do: documents.Scripts(t, copyPage)}
	w.prepare(t)
	s := newSurvey(t)
	t.Run("tree", func(t *testing.T) {
		t.Parallel()
		w.onHost(t, "test -z \"$(gofmt -l .)\"; go mod tidy -diff; go vet -tags testbed ./...; "+
			"$(sed -n 's/^staticcheck=/go run /p' test/run) -tags testbed ./...; go test -short ./...")
	})
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := machines.Source(t, release)
			w.expectInstalled(t, w.install(t, m), "hello, number 1\n", "0.1 SAFE")
			sent := w.upgrade(t, m, "sed -i 's/hello, number/welcome, number/' src/app/app.go")
			if got, want := w.get(m, "/again"), fmt.Sprintf("welcome, number %d\n", sent+2); got != want {
				t.Errorf("after %d requests and an upgrade: %q, want %q", sent, got, want)
			}
			entries := m.Shell(t, "journalctl --sync; journalctl -q -o cat -u "+w.name+" "+strings.ToUpper(strings.ReplaceAll(w.name, "-", "_"))+"_PATH=/again")
			if entries != "greeted\n" {
				t.Errorf("the journal has %q for the second request", entries)
			}
			s.probeCopy(t, m, w.name, greeter())
		})
	}
}

// TestWalkOfExample does the same with the service of examples/service, whose README.md
// replaces some steps: it makes HTTPS calls, and its cache survives an upgrade without
// the servers. In its sandbox the attempts succeed that succeed with foobar-outbound.
func TestWalkOfExample(t *testing.T) {
	t.Parallel()
	w := &walk{handler: exampleService, do: documents.Scripts(t, copyPage)}
	maps.Copy(w.do, documents.Scripts(t, exampleService+"/README.md"))
	w.prepare(t)
	for step, script := range w.do {
		w.do[step] = strings.ReplaceAll(script, "greeter", w.name)
	}
	s := newSurvey(t)
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			m := machines.Source(t, release)
			m.CopyProgram(t, testbed.BuildStatic(t, "../tools/outbound"), "/srv/caller")
			startServers(t, m)
			w.expectInstalled(t, w.install(t, m), "[", "1.0 OK")
			w.awaitEntry(t, m, "the feed of the server")
			m.Exec(t, "systemctl", "stop", "servers")
			w.upgrade(t, m, "")
			w.awaitEntry(t, m, "the feed of the cache")
			s.probeCopy(t, m, w.name, feedAgg())
		})
	}
}

// probeCopy runs the probe in the place of a service that a walk has installed, and
// compares what it finds with the lists and with docs/sandbox.md, or writes the section.
func (s *survey) probeCopy(t *testing.T, m *testbed.Machine, name string, c sandbox.Copy) {
	t.Helper()
	unit := name + ".service"
	m.CopyProgram(t, s.program, "/srv/probe")
	m.Exec(t, "mount", "--bind", "/srv/probe", "/usr/bin/"+name)
	m.Exec(t, "systemctl", "restart", unit)
	report := parse(t, probed(t, m, "/var/lib/private/"+name+"/probe.jsonl"))
	for _, wrong := range append(report.CheckAttempts(append(sandbox.AllowedAttempts(), c.Attempts...)), c.CheckPaths(report, name)...) {
		t.Error(wrong)
	}
	allowed := s.checkSyscalls(t, m, unit, s.column(t, name, report, m.HostPID(t, showUnit(t, m, unit, "MainPID"))))
	own, err := directives.ReadFilter(unitPath("foobar.service"))
	if err != nil {
		t.Fatal(err)
	}
	c.Syscalls = slices.DeleteFunc(allowed, func(call string) bool { return slices.Contains(own, call) })
	c.Exposure = exposureOf(t, m, unit)
	section := c.Section()
	if writes() {
		writeSandboxDocument(t, func(old string) string { return sandbox.ReplaceSection(old, c.Heading, section) })
		return
	}
	if sandbox.Section(documents.Text(t, sandboxDocument), c.Heading) != section {
		t.Errorf("%s does not agree with the findings; with FOOBAR_WRITE=1 this test writes\n%s", sandboxDocument, section)
	}
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
	inCopy(t, m, testbed.SkipCheck)
	// Machines with one cache compile the tree one after the other.
	inCopy(t, m, "makepkg() { "+testbed.LockedMakepkg+` "$@"; }`+"\n"+w.do["Build the packages"])
	inCopy(t, m, w.do["Publish them"])
	return inCopy(t, m, w.do["Install and ask"])
}

// inCopy runs a script in the tree of the new service, as the user who builds.
func inCopy(t *testing.T, m *testbed.Machine, script string) string {
	t.Helper()
	return m.Must(t, testbed.Command{User: "builder", Dir: "/home/builder/tree", Env: identity, Args: []string{"bash", "-euo", "pipefail", "-c", script}})
}

// upgrade installs the next version of the service, with a change of the tree, while a
// client sends requests, of which none fails. It returns how many there were.
func (w *walk) upgrade(t *testing.T, m *testbed.Machine, change string) int {
	t.Helper()
	unit := w.name + ".service"
	pid := showUnit(t, m, unit, "MainPID")
	inCopy(t, m, change)
	requests := testbed.StartRequests(m.Client(t, "/etc/"+w.name+"/credentials/cert"), baseURL+"/")
	inCopy(t, m, w.do["Upgrade it"])
	sent := requests.Stop(t)
	expectContains(t, "pacman -Q", m.Exec(t, "pacman", "-Q", w.name, w.name+"-policy"), "-2\n")
	if now := showUnit(t, m, unit, "MainPID"); now == pid || now == "0" {
		t.Errorf("after the upgrade %s runs as process %s, before it as %s", unit, now, pid)
	}
	return sent
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
