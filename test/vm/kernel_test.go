//go:build vm

package vm

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestKernel tests what a container on the host's kernel does not show: a cold
// boot, and the limits of cgroups and of their packet filters.
func TestKernel(t *testing.T) {
	t.Parallel()
	g := startGuest(t, NewMachine(t, *image, Durable))
	t.Run("an enabled service is up after a cold boot", g.coldBoot)
	t.Run("the largest uploads fit into the limits", g.largestUploads)
	t.Run("MemoryMax", g.memoryMax)
	t.Run("TasksMax", g.tasksMax)
	t.Run("IP lists of the HTTPS socket", g.ipLists)
	t.Run("the metrics socket is for the machine itself", g.metricsSocket)
}

// coldBoot is the first boot after `pacman -U foobar` and `systemctl enable`.
func (g *guest) coldBoot(t *testing.T) {
	if state := strings.TrimSpace(g.Shell(t, "systemctl is-system-running || systemctl --failed")); state != "running" {
		t.Errorf("systemctl is-system-running: %s", state)
	}
	if state := g.show(t, "foobar.service", "ActiveState"); state != "active" {
		t.Fatalf("foobar.service is %s", state)
	}
	const entered = "ActiveEnterTimestampMonotonic"
	ownProgram, target := g.number(t, "foobar.service", entered), g.number(t, "multi-user.target", entered)
	if ownProgram == 0 || ownProgram > target {
		t.Errorf("foobar.service was up %d µs after the kernel started, multi-user.target %d µs", ownProgram, target)
	}
	if n := g.number(t, "foobar.service", "NRestarts"); n != 0 {
		t.Errorf("foobar.service was restarted %d times", n)
	}
	if found := g.ownProgram.waitFor(t, g.Machine); found.status != http.StatusNotFound {
		t.Errorf("GET before the first write got status %d, want 404", found.status)
	}
	g.wantStored(t, "after a cold boot")
}

// upload is a script in which a number of clients store 16 MiB each at the same
// time. It prints the status of each response, 000 for none. The clients use the
// admin socket, because TLS is slow on an emulated processor.
const upload = `
[[ -e /run/large ]] || head -c 16M /dev/urandom >/run/large
for client in $(seq %d); do
  curl -sS -m 200 -o /dev/null -w '%%{http_code}\n' --unix-socket /run/foobar-admin.sock -T /run/large --request-target / http://foobar 2>/dev/null &
done
for client in $(seq %[1]d); do wait -n || true; done
`

// largestUploads tests that the shipped limits hold: the service answers every
// client, and neither memory nor threads run out.
func (g *guest) largestUploads(t *testing.T) {
	before := g.show(t, "foobar.service", "MainPID")
	answers := strings.Fields(g.Shell(t, fmt.Sprintf(upload, 12)))
	stored := 0
	for _, answer := range answers {
		switch answer {
		case "200", "201":
			stored++
		case "503":
		default:
			t.Errorf("an upload got status %s", answer)
		}
	}
	if stored == 0 || len(answers) != 12 {
		t.Errorf("of 12 uploads %d got a response, %d were stored", len(answers), stored)
	}
	if after := g.show(t, "foobar.service", "MainPID"); after != before {
		t.Errorf("the main process of foobar.service was %s and is %s", before, after)
	}
	const cgroup = "/sys/fs/cgroup/system.slice/foobar.service/"
	usage := g.Shell(t, "cd "+cgroup+" && echo memory.peak $(<memory.peak) of $(<memory.max), pids.peak $(<pids.peak) of $(<pids.max)")
	t.Logf("%d of %d stored; %s", stored, len(answers), strings.TrimSpace(usage))
	for _, file := range []string{"memory.events", "pids.events"} {
		events := g.Shell(t, "cat "+cgroup+file)
		if refused := regexp.MustCompile(`(?m)^(oom|oom_kill|max) [1-9].*`).FindString(events); refused != "" {
			t.Errorf("%s: %s", file, refused)
		}
	}
}

// limit sets a property of foobar.service until the test ends.
func (g *guest) limit(t *testing.T, property, value string) {
	t.Helper()
	old := g.show(t, "foobar.service", property)
	t.Cleanup(func() { g.setProperty(t, property, old) })
	g.setProperty(t, property, value)
}

func (g *guest) setProperty(t *testing.T, property, value string) {
	t.Helper()
	g.Shell(t, fmt.Sprintf("systemctl set-property --runtime foobar.service %s=%s", property, value))
}

// memoryMax tests that the kernel kills a service that exceeds its limit, and no
// other, and that the service comes back with its state.
func (g *guest) memoryMax(t *testing.T) {
	g.wantStored(t, "before the memory ran out")
	neighbor, restarts := g.show(t, "baseline.service", "MainPID"), g.number(t, "foobar.service", "NRestarts")
	g.limit(t, "MemorySwapMax", "0")
	g.limit(t, "MemoryMax", "24M")
	answers := strings.Fields(g.Shell(t, fmt.Sprintf(upload, 3)))

	g.wantJournal(t, "kernel OOM killer killed")
	g.wantUp(t)
	g.wantJournal(t, "MemoryMax= or the machine allows 24 MiB: raise MemoryMax=")
	if n := g.number(t, "foobar.service", "NRestarts"); n <= restarts {
		t.Errorf("foobar.service was restarted %d times, and %d times before the limit was set", n, restarts)
	}
	for _, answer := range answers {
		if strings.HasPrefix(answer, "20") {
			t.Fatalf("an upload was stored within 24 MiB of memory: statuses %q", answers)
		}
	}
	g.wantState(t, "before the memory ran out")
	if now := g.show(t, "baseline.service", "MainPID"); now != neighbor {
		t.Errorf("the main process of baseline.service was %s and is %s", neighbor, now)
	}
}

// tasksMax tests that a service that gets no threads is started again and again,
// and is up when it gets them.
func (g *guest) tasksMax(t *testing.T) {
	g.wantStored(t, "before the threads ran out")
	t.Run("too few", func(t *testing.T) {
		g.limit(t, "TasksMax", "2")
		g.Shell(t, "systemctl kill --signal=KILL foobar")
		g.eventually(t, time.Minute, func() error {
			_, err := g.run("dmesg | grep 'fork rejected by pids controller in .*foobar.service'", time.Minute)
			return err
		})
		if out := g.Shell(t, "systemctl is-active foobar || true; systemd-run --wait --pipe --quiet echo others fork"); !strings.Contains(out, "others fork") || strings.HasPrefix(out, "active") {
			t.Errorf("with no threads to have: %q", out)
		}
	})
	g.wantUp(t)
	g.wantState(t, "before the threads ran out")
}

func (g *guest) wantUp(t *testing.T) {
	t.Helper()
	g.eventually(t, 2*time.Minute, func() error {
		_, err := g.run("systemctl is-active foobar", time.Minute)
		return err
	})
}

// wantJournal waits for a line in the journal of foobar.service.
func (g *guest) wantJournal(t *testing.T, line string) {
	t.Helper()
	g.eventually(t, time.Minute, func() error {
		_, err := g.run(fmt.Sprintf("journalctl -q -b -u foobar | grep -q '%s'", line), time.Minute)
		return err
	})
}
