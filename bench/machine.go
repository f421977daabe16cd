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

// boot brings up a machine, with what the package installs in it.
func (p *place) boot() (*machine, error) {
	m := &machine{dir: filepath.Join(p.dir, "machine")}
	script := filepath.Join(p.repo, "test/machine")
	var output bytes.Buffer
	supervisor := onAllCores(script, "run", "forky", m.dir)
	supervisor.Stdout, supervisor.Stderr = &output, &output
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := supervisor.StdinPipe() // the machine ends when this does
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
		supervisor.Wait() // it was told to go
		os.RemoveAll(m.dir)
	}
	if out, err := exec.Command(script, "wait", m.dir).CombinedOutput(); err != nil {
		m.stop()
		return nil, fmt.Errorf("boot: %w\n%s%s", err, out, output.Bytes())
	}
	if err := m.install(p); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// install does what pacman and systemd's hooks do.
func (m *machine) install(p *place) error {
	leader, err := os.ReadFile(filepath.Join(m.dir, "leader"))
	if err != nil {
		return err
	}
	m.leader = strings.TrimSpace(string(leader))
	archive, err := exec.Command("tar", "-C", filepath.Join(p.dir, "root"), "-c", ".").Output()
	if err != nil {
		return fmt.Errorf("pack the package's files: %w", err)
	}
	if err := m.exec(bytes.NewReader(archive), "tar", "-x", "-C", "/", "--no-same-owner", "--no-overwrite-dir"); err != nil {
		return err
	}
	return m.exec(strings.NewReader(`
set -e
systemd-sysusers
systemd-tmpfiles --create foobar.conf
systemctl daemon-reload
`), "bash")
}

// pin gives the service the server's core, and changes nothing else of its unit.
func (m *machine) pin() error {
	return m.exec(strings.NewReader(`
set -e
mkdir -p /etc/systemd/system/foobar.service.d
printf '[Service]\nCPUAffinity=`+serverCore+`\nEnvironment=GOMAXPROCS=1\n' >/etc/systemd/system/foobar.service.d/core.conf
systemctl daemon-reload
`), "bash")
}

// command is a command that runs in m.
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

// read returns a file of m, which is the service's policy and root's.
func (m *machine) read(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", m.leader, "root", path))
	return strings.TrimSpace(string(text)), err
}

// pids are the processes of a unit, as seen from here.
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
		panic(back) // no goroutine may go on in there
	}
	return c, err
}

// server is what a unit of m serves.
func (m *machine) server(p *place, unit, address string) (*server, error) {
	token, err := m.read("/etc/foobar/credentials/token")
	if err != nil {
		return nil, err
	}
	s := &server{name: unit, address: address, path: root, write: write{"POST", "/", token}, dial: m.dial, netns: m.netns(),
		openssl: filepath.Join(p.dir, "openssl.cnf")}
	s.put = s.post
	s.pids = func() []int { return m.pids(unit) }
	s.check = func() error {
		if len(s.pids()) == 0 {
			return errors.New(unit + " is not running")
		}
		return nil
	}
	s.stop = func() { m.command("systemctl", "stop", unit).Run() } // the machine goes soon
	return s, s.ready()
}
