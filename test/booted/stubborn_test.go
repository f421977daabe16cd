//go:build testbed

package booted

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
)

// stopLimit is JobRunningTimeoutSec= in this test; shipped is a minute.
const stopLimit = 6 * time.Second

// hangLimit is the time after which a stop counts as one that does not end.
const hangLimit = 15 * stopLimit

// killLimit is DefaultTimeoutStopSec= in this test; 90 seconds is the default. At the end
// of a shutdown, systemd waits that long before it kills the processes that are left.
const killLimit = 3 * time.Second

// TestStubbornServiceIsKilled runs a service that ignores SIGTERM and asks for more time.
// It delays neither an administrator nor pacman nor a reboot by more than the limits, and
// does not outlive an upgrade or a removal.
func TestStubbornServiceIsKilled(t *testing.T) {
	program := testbed.BuildStatic(t, "../tools/stubborn")
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		expectProperty(t, m, "JobRunningTimeoutUSec", "1min")
		m.CopyProgram(t, program, "/srv/stubborn")
		limit := stopLimit.String()
		if show(t, m, "JobRunningTimeoutUSec") == "infinity" {
			limit = "infinity" // the test shortens the unit's limit, and does not make one
		}
		files := resolvConf + " " + caBundle // which foobar-outbound closes
		m.Shell(t, "mkdir -p /etc/ssl/certs; rm -f "+files+"; touch "+files)
		dropIn(t, m, "foobar.service", "[Unit]\nJobRunningTimeoutSec="+limit+"\n[Service]\nTimeoutStopSec=1\n"+
			"BindReadOnlyPaths=\nBindReadOnlyPaths=/srv/stubborn:/bin/foobar /etc/foobar "+files+"\n")
		m.Exec(t, "systemctl", "start", "foobar")
		limited := func(what string, act func()) {
			t.Helper()
			began := time.Now()
			act()
			// A busy machine takes longer for the rest.
			if took := time.Since(began); took < stopLimit || took > hangLimit {
				t.Errorf("%s took %v, want about %v", what, took, stopLimit)
			}
		}
		// Without the limit the commands do not end.
		bounded := fmt.Sprintf("timeout %v ", hangLimit.Seconds())

		limited("systemctl stop", func() {
			switch r := m.Try("bash", "-c", bounded+"systemctl stop foobar"); r.Code {
			case 0:
				t.Error("systemctl stop succeeds, so the service is not stubborn")
			case 124: // timeout(1)
				t.Error("systemctl stop does not end")
			}
		})
		m.Exec(t, "systemctl", "kill", "--signal=KILL", "foobar")
		m.Exec(t, "systemctl", "restart", "foobar")

		for _, operation := range []string{"-S", "-R"} {
			pid := show(t, m, "MainPID")
			limited("pacman "+operation+" foobar-outbound", func() {
				m.Shell(t, bounded+"pacman "+operation+" --noconfirm --noprogressbar foobar-outbound 2>&1")
			})
			expectProperty(t, m, "ActiveState", "active")
			if show(t, m, "MainPID") == pid {
				t.Errorf("pacman %s foobar-outbound leaves the process with the settings of before", operation)
			}
		}

		pid := show(t, m, "MainPID")
		limited("the upgrade", func() {
			expectContains(t, "the upgrade", m.Shell(t, testbed.Publish+"publish v2; "+bounded+"pacman -Syu --noconfirm --noprogressbar 2>&1"),
				"foobar.service did not stop in time and is killed")
		})
		expectProperty(t, m, "ActiveState", "active")
		if show(t, m, "MainPID") == pid {
			t.Error("the upgrade leaves the old process")
		}

		m.Write(t, "/etc/systemd/system.conf.d/50-test.conf", fmt.Sprintf("[Manager]\nDefaultTimeoutStopSec=%v\n", killLimit))
		m.Exec(t, "systemctl", "daemon-reload")
		limited("the reboot", func() { m.Reboot(t) })
		m.Exec(t, "systemctl", "start", "foobar")

		limited("the removal", func() {
			expectContains(t, "the removal", m.Shell(t, bounded+"pacman -R --noconfirm --noprogressbar foobar foobar-policy 2>&1"),
				"foobar.service did not stop in time and is killed")
		})
		if left := m.Try("pgrep", "-a", "-f", "^/bin/foobar").Stdout; left != "" {
			t.Errorf("the removal leaves\n%s", left)
		}
	})
}

// TestDisableAfterRemoval runs the command that the removal prints, which removes the
// links that enabling has made.
func TestDisableAfterRemoval(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		out := m.Exec(t, "pacman", "-R", "--noconfirm", "--noprogressbar", "foobar", "foobar-policy")
		_, command, found := strings.Cut(out, "If the service was enabled:\n")
		command, _, _ = strings.Cut(strings.TrimSpace(command), "\n")
		if !found || !strings.HasPrefix(command, "systemctl disable ") {
			t.Fatalf("the removal names no command:\n%s", out)
		}
		m.Shell(t, command)
		if left := m.Shell(t, "find /etc/systemd/system -xtype l"); left != "" {
			t.Errorf("after %q there are\n%s", command, left)
		}
	})
}

// TestStaticC runs a program in C under the unit as it is: the sockets, readiness, the
// state directory and what the sandbox denies do not depend on Go.
func TestStaticC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "service")
	build := exec.Command("cc", "-static", "-no-pie", "-Wl,-z,norelro", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, "../tools/static-c/service.c")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.CopyProgram(t, program, "/srv/static-c")
		m.Exec(t, "systemctl", "start", "foobar-credentials") // by the program that is replaced
		replaceProgram(t, m, "/srv/static-c")
		m.Exec(t, "systemctl", "start", "foobar")
		expectProperty(t, m, "StatusText", "A static program in C")
		m.Exec(t, "systemctl", "reload", "foobar")
		report := m.Exec(t, "curl", "-sS", metrics)
		for _, line := range []string{
			"program: /bin/foobar", "write the state: ok", "write elsewhere: Read-only file system", "socket: Operation not permitted",
			"read /etc/passwd: No such file or directory", "execute the state: Permission denied",
		} {
			expectContains(t, "the report", report, line+"\n")
		}
		if got := exposure(t, m); got != "0.1" {
			t.Errorf("exposure is %s", got)
		}
		expectContains(t, "the state directory", m.Exec(t, "ls", "/var/lib/foobar/"), "written-by-c\n")
		m.Exec(t, "systemctl", "stop", "foobar")
		expectProperty(t, m, "Result", "success")
	})
}
