package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A machine is a booted system with the package's files in it, and a loopback
// interface of its own.
type machine struct {
	dir    string
	leader string
	stop   func()
}

// boot starts a machine and installs the package in it.
func (w *workdir) boot() (*machine, error) {
	m := &machine{dir: filepath.Join(w.path, "machine")}
	script := filepath.Join(w.repo, "test/machine")
	var output bytes.Buffer
	supervisor := onAllCores(script, "run", "forky", m.dir, "--bind-ro="+filepath.Join(w.path, "packages")+":/srv/packages")
	supervisor.Stdout, supervisor.Stderr = &output, &output
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := supervisor.StdinPipe() // the machine stops when this is closed
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, err
	}
	if err := supervisor.Start(); err != nil {
		return nil, err
	}
	m.stop = func() {
		stdin.Close()
		supervisor.Wait() // the exit status of a supervisor that was stopped means nothing
		os.RemoveAll(m.dir)
	}
	if out, err := exec.Command(script, "wait", m.dir).CombinedOutput(); err != nil {
		m.stop()
		return nil, fmt.Errorf("boot: %w\n%s%s", err, out, output.Bytes())
	}
	if err := m.install(); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

func (m *machine) install() error {
	leader, err := os.ReadFile(filepath.Join(m.dir, "leader"))
	if err != nil {
		return err
	}
	m.leader = strings.TrimSpace(string(leader))
	return m.exec(strings.NewReader("pacman -U --noconfirm --noprogressbar /srv/packages/*.pkg.tar.zst"), "bash")
}

// pin keeps the service on the server's core, and changes nothing else of its unit.
func (m *machine) pin() error {
	return m.exec(strings.NewReader(`
set -e
mkdir -p /etc/systemd/system/foobar.service.d
printf '[Service]\nCPUAffinity=`+serverCore+`\nEnvironment=GOMAXPROCS=1\n' >/etc/systemd/system/foobar.service.d/core.conf
systemctl daemon-reload
`), "bash")
}

// command returns a command that runs in the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", m.leader, "-a", "--", "env", "-i", "--chdir=/",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, args...)...)
}

func (m *machine) exec(stdin io.Reader, args ...string) error {
	cmd := m.command(args...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s in the machine: %w\n%s", args[0], err, out)
	}
	return nil
}

// read returns the content of a file of the machine.
func (m *machine) read(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", m.leader, "root", path))
	return strings.TrimSpace(string(text)), err
}

// pids returns the processes of a unit, by their numbers outside of the machine.
func (m *machine) pids(unit string) []int {
	text, _ := m.read("/sys/fs/cgroup/system.slice/" + unit + "/cgroup.procs") // gone: none
	var pids []int
	for _, field := range strings.Fields(text) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (m *machine) netns() string { return "/proc/" + m.leader + "/ns/net" }

// dial connects from inside the machine's network.
func (m *machine) dial(address string) (net.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	there, err := os.Open(m.netns())
	if err != nil {
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the machine's network: %w", err)
	}
	// A numeric address: no other goroutine makes the socket.
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); back != nil {
		panic(back) // the thread would serve other goroutines in the wrong network
	}
	return c, err
}

// server returns the server that a unit of the machine runs.
func (m *machine) server(w *workdir, unit, address string) (*server, error) {
	token, err := m.read("/etc/foobar/credentials/token")
	if err != nil {
		return nil, err
	}
	s := &server{name: unit, address: address, workdir: w, path: root, write: writeRequest{"POST", "/", token}, dial: m.dial, netns: m.netns()}
	s.put, s.ready = s.putOverHTTPS, s.handshake
	s.pids = func() []int { return m.pids(unit) }
	s.check = func() error {
		if len(s.pids()) == 0 {
			return errors.New(unit + " is not running")
		}
		return nil
	}
	s.stop = func() { m.command("systemctl", "stop", unit).Run() } // the machine stops soon after
	return s, s.waitReady()
}
