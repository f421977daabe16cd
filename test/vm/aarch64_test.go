//go:build vm

package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/sandbox"
	"foobar/test/directives"
	"foobar/test/tools/systrace/table"
)

// slowTime bounds what takes an emulated processor of another architecture minutes.
const slowTime = 20 * time.Minute

// TestAarch64 installs the package that the PKGBUILD builds for aarch64 on a machine of
// that architecture. docs/sandbox.md says what it compares.
func TestAarch64(t *testing.T) {
	if *arch != "aarch64" {
		t.Skip("the machine is not of aarch64: test/vm/aarch64 makes one")
	}
	m := NewMachine(t, *image, Durable)
	m.Memory = 1024 // more than MemoryMax= allows the service
	m.PowerOn(t)
	m.WaitUp(t)
	// The hooks reload systemd, which can end the agent's connection.
	m.eventually(t, slowTime, func() error {
		_, err := m.run("pacman -Q foobar foobar-policy || pacman -U --noconfirm --noprogressbar /srv/packages/*.pkg.tar.zst", 5*time.Minute)
		return err
	})
	if out := m.Shell(t, "uname -m; pacman -Qi foobar"); !regexp.MustCompile(`(?s)^aarch64\n.*Architecture +: aarch64\n`).MatchString(out) {
		t.Fatalf("the machine, or its package, is of another architecture:\n%s", out)
	}
	m.Shell(t, "systemd-run -q --unit=systrace /srv/systrace -raw -json -o /srv/calls.json -program '/bin/foobar -config' -p 1; sleep 5; systemctl enable foobar")
	m.eventually(t, platformOf(*arch).bootTime, func() error {
		// A busy host may exceed the start's time limit.
		_, err := m.run("systemctl start foobar && systemctl is-active foobar baseline", 2*time.Minute)
		return err
	})
	g := &guest{Machine: m}
	g.ownProgram, _ = findPrograms(t, m)
	g.ownProgram.client.Timeout = time.Minute
	t.Run("serves", func(t *testing.T) {
		g.wantStored(t, "on aarch64")
		g.wantStored(t, strings.Repeat("large", 200<<10))
		g.Shell(t, "systemctl reload foobar; systemctl restart foobar")
		g.wantStored(t, "after a restart")
	})
	t.Run("system calls", g.tracedCalls)
	t.Run("sandbox", g.probedSandbox)
	t.Run("reboot", func(t *testing.T) {
		g.reboot(t)
		g.wantState(t, "after a restart")
		g.coldBootState(t)
	})
}

// tracedCalls checks that every system call that the service has made is in its filter.
func (g *guest) tracedCalls(t *testing.T) {
	g.Shell(t, "systemctl stop foobar; systemctl stop systrace; systemctl start foobar")
	var calls []struct {
		Number int
		Errors map[string]int
	}
	if err := json.Unmarshal([]byte(g.Shell(t, "cat /srv/calls.json")), &calls); err != nil {
		t.Fatal(err)
	}
	tables, err := table.Load()
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := directives.ReadFilter("../../systemd/foobar.service")
	if err != nil {
		t.Fatal(err)
	}
	denied := deniedCalls(t)
	made := 0
	for _, call := range calls {
		name := tables.Name("arm64", call.Number)
		switch {
		case slices.Contains(denied, name):
		case !slices.Contains(allowed, name):
			t.Errorf("%s is not in SystemCallFilter=", name)
		case call.Errors["EPERM"] > 0 && name != "epoll_ctl" && name != "rt_sigreturn": // as in TestSystemCalls
			t.Errorf("%s was denied", name)
		default:
			made++
		}
	}
	if made < 20 {
		t.Errorf("only %d system calls were traced", made)
	}
	t.Logf("%d of %d allowed system calls were made", made, len(allowed))
}

// deniedCalls returns the calls that the service makes and works without.
func deniedCalls(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../tools/systrace/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^deny (\S+)`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	return names
}

// probedSandbox runs the probe in the place of the binary, as TestSandbox does.
func (g *guest) probedSandbox(t *testing.T) {
	binds := strings.Replace(g.show(t, "foobar.service", "BindReadOnlyPaths"), "/usr/bin/foobar:/bin/foobar", "/srv/probe:/bin/foobar", 1)
	g.serviceDropIn(t, `BindReadOnlyPaths=\nBindReadOnlyPaths=`+binds+`\n`)
	const report = "/var/lib/private/foobar/probe.jsonl"
	g.eventually(t, slowTime, func() error {
		last, err := g.run("tail -n 1 "+report, time.Minute)
		if err == nil && last != `{"kind":"end"}`+"\n" {
			err = errors.New("the probe has not ended")
		}
		return err
	})
	found, err := sandbox.Parse(g.Shell(t, "cat "+report+"; rm "+report))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range slices.Concat(found.CheckAttempts(sandbox.AllowedAttempts()), found.CheckPaths(sandbox.AllowedPaths())) {
		t.Error(wrong)
	}
	t.Logf("%d of %d attempts succeed", len(found.Succeeded()), len(found.Attempts))
}

// reboot reboots the machine and waits until it is up.
func (g *guest) reboot(t *testing.T) {
	t.Helper()
	const id = "cat /proc/sys/kernel/random/boot_id"
	before := g.Shell(t, id)
	g.run("systemctl reboot", time.Minute) // the agent may end first
	g.eventually(t, slowTime, func() error {
		now, err := g.run(id, 10*time.Second)
		if err == nil && now == before {
			err = errors.New("it has not rebooted")
		}
		return err
	})
	g.Shell(t, "systemctl is-system-running --wait || true")
}

func (g *guest) coldBootState(t *testing.T) {
	t.Helper()
	if state := strings.TrimSpace(g.Shell(t, "systemctl is-system-running || systemctl --failed")); state != "running" {
		t.Errorf("systemctl is-system-running: %s", state)
	}
	t.Log(fmt.Sprint(strings.TrimSpace(g.Shell(t, "uname -sr; systemctl --version | head -n 1"))))
}
