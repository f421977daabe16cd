//go:build vm

package vm

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serviceDropIn adds lines to the [Service] section until the test ends.
func (g *guest) serviceDropIn(t *testing.T, lines string) {
	t.Helper()
	const dir = "/run/systemd/system/foobar.service.d"
	const apply = "systemctl daemon-reload; systemctl restart foobar"
	t.Cleanup(func() { g.Shell(t, "rm -r "+dir+"; "+apply) })
	g.Shell(t, "mkdir "+dir+"; printf '[Service]\n"+lines+"' >"+dir+"/50-test.conf; "+apply)
}

// TestSettings tests what settings do that the host's kernel keeps from a
// container: handlers of core files, and quotas.
func TestSettings(t *testing.T) {
	t.Parallel()
	g := startGuest(t, NewMachine(t, *image, Durable))
	t.Run("LimitCORE", g.coreHandler)
	t.Run("StateDirectoryQuota", g.stateQuota)
	t.Run("control group", g.controlGroup)
}

// controlGroup tests that the kernel has the shipped limits and weights of the
// service's control group, each of which differs without its directive.
func (g *guest) controlGroup(t *testing.T) {
	g.wantUp(t)
	shipped := map[string]string{
		"cpu.weight": "50", "io.weight": "default 50", "memory.max": strconv.Itoa(1 << 30), "memory.oom.group": "1",
		"memory.swap.max": "0", "pids.max": "256",
	}
	// A file is missing where no unit of the slice has a setting of its controller.
	read := func(file string) string {
		t.Helper()
		return strings.TrimSpace(g.Shell(t, "cat /sys/fs/cgroup/system.slice/foobar.service/"+file+" 2>/dev/null || true"))
	}
	for file, want := range shipped {
		if got := read(file); got != want {
			t.Errorf("%s has %q, want %q", file, got, want)
		}
	}
	g.serviceDropIn(t, `CPUWeight=\nIOWeight=\nMemoryMax=\nOOMPolicy=stop\nMemorySwapMax=\nTasksMax=\n`)
	g.wantUp(t)
	for file, value := range shipped {
		if got := read(file); got == value {
			t.Errorf("%s has %q without its directive, too", file, got)
		}
	}
}

// coreHandler tests that no handler gets the memory of a crash, which has the
// private key in it. With a limit of 0 one does.
func (g *guest) coreHandler(t *testing.T) {
	g.wantUp(t)
	g.Shell(t, `printf '#!/bin/sh\nhead -c 1M >/run/core\n' >/usr/local/bin/keep-core; chmod 755 /usr/local/bin/keep-core
echo '|/usr/local/bin/keep-core' >/proc/sys/kernel/core_pattern`)
	crash := func() {
		t.Helper()
		before := g.number(t, "foobar.service", "NRestarts")
		g.Shell(t, "rm -f /run/core; systemctl kill --kill-whom=main --signal=ABRT foobar")
		g.eventually(t, time.Minute, func() error {
			if n := g.number(t, "foobar.service", "NRestarts"); n == before {
				return fmt.Errorf("foobar.service was restarted %d times, as before", n)
			}
			return nil
		})
		g.wantUp(t)
	}
	const dumps = `Environment=GOTRACEBACK=crash\n` // Go ends by a signal, as other programs do
	t.Run("as shipped", func(t *testing.T) {
		g.serviceDropIn(t, dumps)
		crash()
		if out := g.Shell(t, "ls /run/core 2>/dev/null || true"); out != "" {
			t.Error("the handler has the memory of the service")
		}
	})
	t.Run("0", func(t *testing.T) {
		g.serviceDropIn(t, dumps+`LimitCORE=0\n`)
		crash()
		// The service may be up again before the handler has begun.
		g.eventually(t, time.Minute, func() error {
			_, err := g.run("test -s /run/core", time.Minute)
			return err
		})
	})
}

// stateQuota tests the example state-quota on a file system with project quotas.
func (g *guest) stateQuota(t *testing.T) {
	g.Shell(t, `systemctl stop foobar
modprobe -a loop quota_v2
mount -o loop,prjquota /srv/quota.img /var/lib/private/foobar
systemctl start foobar`)
	t.Cleanup(func() { g.Shell(t, "systemctl stop foobar; umount /var/lib/private/foobar; systemctl start foobar") })
	g.wantUp(t)
	write := "head -c 6M /dev/urandom | curl -sS -o /dev/null -w '%{http_code}' --unix-socket /run/foobar-admin.sock -T - --request-target / http://foobar"
	if status := strings.TrimSpace(g.Shell(t, write)); !strings.HasPrefix(status, "20") {
		t.Fatalf("without a quota a write of 6 MiB got status %s", status)
	}
	g.serviceDropIn(t, `StateDirectoryQuota=4M\n`)
	g.wantUp(t)
	if status := strings.TrimSpace(g.Shell(t, write)); status != "507" {
		t.Errorf("a write beyond the quota got status %s, want 507", status)
	}
}
