//go:build testbed

package booted

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

// TestReadme runs the README's commands as they are written, section by section. The
// programs below "Develop" boot machines, and have their own tests.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var inMachine []string
	for _, b := range documents.Blocks(string(text)) {
		if b.Section != "Develop" {
			inMachine = append(inMachine, b.Text)
			continue
		}
		for _, line := range strings.Fields(b.Text) {
			if info, err := os.Stat("../../" + line); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("README.md says %s, which cannot be run: %v", line, err)
			}
		}
	}
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			readme(t, release, inMachine, spans(string(text)))
		})
	}
}

// readme runs the README's commands in a clone, at a terminal, and answers every
// question with the default.
func readme(t *testing.T, release string, blocks, spans []string) {
	m := machines.Source(t, release)
	m.Must(t, testbed.Command{User: "builder", Args: []string{"bash", "-euc", testbed.SkipCheck + "; git clone -q /srv/source " + testbed.Clone}})
	as := func(user, script string) {
		t.Helper()
		m.Write(t, "/tmp/typed", script)
		r := m.Run(testbed.Command{User: user, Dir: testbed.Clone, Args: []string{"bash", "-c",
			"while sleep 0.3 && echo; do :; done | SYSTEMD_EDITOR=true SYSTEMD_PAGER=cat MANPAGER=cat script -qec 'bash -eo pipefail /tmp/typed' /dev/null"}})
		if r.Code != 0 {
			t.Fatalf("exit status %d of\n%s\n%s%s", r.Code, script, r.Stdout, r.Stderr)
		}
	}
	for _, b := range blocks {
		as("builder", b)
	}
	for _, s := range spans {
		as("root", s)
	}
	if len(blocks) == 0 || len(spans) == 0 {
		t.Error("the README has no commands")
	}
}

// spans returns an administrator's commands within sentences, but for those with …,
// which the reader has to fill in.
func spans(markdown string) []string {
	var all []string
	for _, found := range regexp.MustCompile("`((?:systemctl|systemd-analyze|journalctl|foobar|man) [^`]*)`").FindAllStringSubmatch(markdown, -1) {
		if !strings.Contains(found[1], "…") {
			all = append(all, found[1])
		}
	}
	return all
}

// TestDemo runs test/demo.
func TestDemo(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("../demo").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
