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

// withoutTimeLimits gives the units more time than the emulated processor of a busy host
// takes while each system call is traced.
const withoutTimeLimits = `for unit in foobar foobar-credentials foobar-credentials-reload foobar-credentials-check@ foobar-sockets-reopen; do
  mkdir -p /etc/systemd/system/$unit.service.d
  printf '[Unit]\nJobRunningTimeoutSec=infinity\n[Service]\nTimeoutStartSec=infinity\n' >/etc/systemd/system/$unit.service.d/90-slow.conf
done
printf 'TimeoutStopSec=infinity\nWatchdogSec=0\n' >>/etc/systemd/system/foobar.service.d/90-slow.conf
systemctl daemon-reload`

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
	var programs strings.Builder
	for _, p := range tracedPrograms {
		fmt.Fprintf(&programs, " -program '%s'", p.command)
	}
	m.Shell(t, "systemd-run -q --unit=systrace /srv/systrace -raw -json -o /srv/calls.json"+programs.String()+" -p 1; sleep 5; systemctl enable foobar")
	m.Shell(t, withoutTimeLimits)
	g := &guest{Machine: m}
	g.do(t, "systemctl start foobar; systemctl is-active baseline")
	g.ownProgram, _ = findPrograms(t, m)
	g.ownProgram.client.Timeout = time.Minute
	t.Run("serves", func(t *testing.T) {
		g.wantStored(t, "on aarch64")
		g.wantStored(t, strings.Repeat("large", 200<<10))
		g.do(t, "systemctl reload foobar")
		g.do(t, "systemctl restart foobar")
		g.wantStored(t, "after a restart")
	})
	t.Run("units beside the service", g.otherUnits)
	t.Run("system calls", g.tracedCalls)
	t.Run("sandbox", g.probedSandbox)
	t.Run("reboot", func(t *testing.T) {
		g.reboot(t)
		g.wantState(t, "after a restart")
		g.coldBootState(t)
	})
}

// tracedPrograms are the programs whose system calls are traced, by the beginning of
// their command lines. A list with groups of systemd.exec(5) is not compared by name.
var tracedPrograms = []struct {
	unit, command string
	groups        bool
}{
	{"foobar.service", "/bin/foobar -config", false},
	{"foobar-credentials.service", "/bin/foobar init-credentials", false},
	{"foobar-credentials-check@.service", "/bin/foobar check-credentials", false},
	{"foobar-credentials-reload.service", "/bin/bash /usr/lib/foobar/reload-credentials", true},
	{"foobar-sockets-reopen.service", "/bin/bash /usr/lib/foobar/reopen-sockets", true},
}

// otherUnits has the units beside the service do their work: missing credentials are
// made, new ones are checked and come into service, and a socket is opened at its new
// address.
func (g *guest) otherUnits(t *testing.T) {
	g.do(t, "systemctl stop foobar; rm -f /etc/foobar/credentials/{cert,key,token}")
	g.do(t, "systemctl start foobar")
	g.ownProgram, _ = findPrograms(t, g.Machine)
	g.ownProgram.client.Timeout = time.Minute
	g.wantState(t, "after a restart")

	g.Shell(t, "mkdir -p /root/new; foobar init-credentials -dir /root/new; cp /root/new/{cert,key} /etc/foobar/credentials")
	g.awaitSuccess(t, "foobar-credentials-reload.service")
	token := g.ownProgram.token
	g.ownProgram, _ = findPrograms(t, g.Machine) // trusts the new certificate alone
	g.ownProgram.client.Timeout = time.Minute
	if g.ownProgram.token != token {
		t.Error("the token has changed")
	}
	g.wantState(t, "after a restart")

	g.do(t, `mkdir -p /run/systemd/system/foobar-metrics.socket.d
printf '[Socket]\nListenStream=\nListenStream=127.0.0.1:9001\n' >/run/systemd/system/foobar-metrics.socket.d/50-test.conf
systemctl daemon-reload; systemctl kill --signal=KILL foobar`)
	g.eventually(t, slowTime, func() error {
		_, err := g.run("systemctl is-active foobar; (exec 3<>/dev/tcp/127.0.0.1/9001)", time.Minute)
		return err
	})
	g.awaitSuccess(t, "foobar-sockets-reopen.service")
}

// do runs a script until it succeeds: on a busy host, a slow answer of systemd ends
// systemctl, or the agent's connection.
func (g *guest) do(t *testing.T, script string) {
	t.Helper()
	g.eventually(t, slowTime, func() error {
		out, err := g.run(script, 5*time.Minute)
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", script, err, out)
		}
		return err
	})
}

// awaitSuccess waits until a unit of Type=oneshot has run without an error.
func (g *guest) awaitSuccess(t *testing.T, unit string) {
	t.Helper()
	g.eventually(t, slowTime, func() error {
		state, err := g.run("systemctl show -p ActiveState -p Result -p ExecMainStatus -p ExecMainExitTimestampMonotonic "+unit, time.Minute)
		ended := strings.Contains(state, "ActiveState=inactive") && !strings.Contains(state, "ExecMainExitTimestampMonotonic=0\n")
		if err == nil && (!ended || !strings.Contains(state, "Result=success")) {
			err = fmt.Errorf("%s has\n%s", unit, state)
		}
		return err
	})
}

// A madeCall is one line of test/tools/systrace.
type madeCall struct {
	Program string
	Number  int
	Errors  map[string]int
}

// tracedCalls checks that every system call that the units have made is in their filters.
func (g *guest) tracedCalls(t *testing.T) {
	g.do(t, "systemctl stop foobar; systemctl stop systrace; systemctl start foobar")
	var calls []madeCall
	if err := json.Unmarshal([]byte(g.Shell(t, "cat /srv/calls.json")), &calls); err != nil {
		t.Fatal(err)
	}
	tables, err := table.Load()
	if err != nil {
		t.Fatal(err)
	}
	denied := deniedCalls(t)
	for _, p := range tracedPrograms {
		var allowed []string
		if !p.groups {
			if allowed, err = directives.ReadFilter("../../systemd/" + p.unit); err != nil {
				t.Fatal(err)
			}
		}
		made := 0
		for _, call := range calls {
			if call.Program != p.command {
				continue
			}
			name := tables.Name("arm64", call.Number)
			switch {
			case slices.Contains(denied, name):
			case p.groups && name == "madvise":
				// glibc asks for huge pages on aarch64, and does not need them.
			case !p.groups && !slices.Contains(allowed, name):
				t.Errorf("%s is not in SystemCallFilter= of %s", name, p.unit)
			case call.Errors["EPERM"] > 0 && name != "epoll_ctl" && name != "rt_sigreturn": // as in TestSystemCalls
				t.Errorf("%s was denied to %s", name, p.unit)
			default:
				made++
			}
		}
		if made < 20 {
			t.Errorf("only %d system calls of %s were traced", made, p.unit)
		}
		t.Logf("%s: %d system calls were made, and its list has %d", p.unit, made, len(allowed))
	}
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
