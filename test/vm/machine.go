//go:build vm

// Package vm tries the installed packages on virtual machines, which have what
// a container lacks: a power cord, and a kernel of their own. test/vm/run runs
// it; test/vm/image makes the disks.
package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bootTime is more than a boot takes, on a host that is busy with other things
// too: software emulates the processor.
const bootTime = 5 * time.Minute

// A Disk says what a power cut leaves of the writes that the machine's kernel
// has sent to the disk.
type Disk int

// The kinds of disk.
const (
	// A Durable disk keeps every write: what is lost was in the page cache.
	Durable Disk = iota
	// A Volatile disk has a cache, and keeps what has been flushed.
	Volatile
	// A Lying disk has a cache and says that it is flushed, but does not flush it.
	Lying
)

func (d Disk) String() string {
	return [...]string{"a disk without a cache", "a disk with a volatile cache", "a disk that ignores flushes"}[d]
}

// filter is the mode of nbdkit-cache-filter(1).
func (d Disk) filter() string {
	if d == Lying {
		return "cache=unsafe"
	}
	return "cache=writeback"
}

// The machine's ports, each of which a port of the host leads to.
const (
	agentPort    = 5000
	httpsPort    = 8080
	metricsPort  = 8081
	baselinePort = 9090
)

// A Machine is a virtual machine with a disk of its own. Its processes end with
// this one, however that ends.
type Machine struct {
	Disk Disk

	image, dir string
	forwards   map[int]string // host's address by guest's port
	processes  []*exec.Cmd    // in the order in which a power cut ends them
}

// NewMachine makes a machine, which is off, from an image.
func NewMachine(t testing.TB, image string, disks Disk) *Machine {
	t.Helper()
	m := &Machine{Disk: disks, image: image, dir: t.TempDir(), forwards: map[int]string{}}
	if out, err := exec.Command("cp", "--sparse=always", filepath.Join(image, "disk.img"), m.disk()).CombinedOutput(); err != nil {
		t.Fatalf("copy the disk: %v\n%s", err, out)
	}
	for _, port := range []int{agentPort, httpsPort, metricsPort, baselinePort} {
		m.forwards[port] = freeAddress(t)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the machine says of the units:\n%s", m.report())
		}
		m.Cut()
	})
	return m
}

func (m *Machine) report() string {
	if m.processes == nil {
		return "it is off"
	}
	out, err := m.run("systemctl --no-pager --lines=0 status 'foobar*' || true; journalctl -q --no-pager -b -u 'foobar*' | tail -n 40", time.Minute)
	if err != nil {
		return fmt.Sprintf("%s%v\n%s", out, err, m.said("console"))
	}
	return out
}

// freeAddress finds a port that nobody listens on; qemu does not start if
// somebody then does.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// PowerOn starts the machine and does not wait for it.
func (m *Machine) PowerOn(t testing.TB) {
	t.Helper()
	// What it said before must not be taken for what it says now.
	if err := os.RemoveAll(m.console()); err != nil {
		t.Fatal(err)
	}
	m.processes = nil
	if m.Disk != Durable {
		m.processes = append(m.processes, m.startDisk(t))
	}
	qemu := m.start(t, "qemu-system-x86_64", m.arguments()...)
	m.processes = append([]*exec.Cmd{qemu}, m.processes...)
}

// startDisk starts a server of the disk, whose cache ends with it.
func (m *Machine) startDisk(t testing.TB) *exec.Cmd {
	t.Helper()
	os.Remove(m.socket())
	lib := filepath.Join(m.image, "tools/usr/lib/x86_64-linux-gnu/nbdkit")
	cmd := m.start(t, "nbdkit", "--foreground", "--unix", m.socket(),
		"--filter", filepath.Join(lib, "filters/nbdkit-cache-filter.so"),
		filepath.Join(lib, "plugins/nbdkit-file-plugin.so"), m.disk(), m.Disk.filter())
	for range 600 {
		if _, err := os.Stat(m.socket()); err == nil {
			return cmd
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nbdkit does not listen:\n%s", m.said("nbdkit.log"))
	return nil
}

func (m *Machine) disk() string    { return filepath.Join(m.dir, "disk.img") }
func (m *Machine) console() string { return filepath.Join(m.dir, "console") }
func (m *Machine) socket() string  { return filepath.Join(m.dir, "disk.sock") }

// start runs one of the image's programs, by the dynamic linker beside it, as
// the host may have another C library or none of the program's.
func (m *Machine) start(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	usr := filepath.Join(m.image, "tools/usr")
	cmd := exec.Command(filepath.Join(usr, "lib64/ld-linux-x86-64.so.2"), append([]string{
		"--library-path", filepath.Join(usr, "lib/x86_64-linux-gnu"), filepath.Join(usr, "bin", program),
	}, args...)...)
	log, err := os.OpenFile(filepath.Join(m.dir, program+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// A session of its own keeps the terminal's interrupt away.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// arguments is qemu's command line. The kernel starts without firmware or boot
// loader and has what it needs built in, and mitigations of a processor that
// is not there cost the most.
func (m *Machine) arguments() []string {
	share := filepath.Join(m.image, "tools/usr/share")
	disk := m.disk()
	if m.Disk != Durable {
		disk = "nbd+unix:///?socket=" + m.socket()
	}
	args := []string{
		"-L", filepath.Join(share, "qemu"), "-L", filepath.Join(share, "seabios"),
		"-M", "pc", "-cpu", "max", "-accel", "tcg,tb-size=256", "-smp", "1", "-m", "512",
		"-nodefaults", "-no-user-config", "-display", "none", "-serial", "file:" + m.console(),
		"-kernel", filepath.Join(m.image, "vmlinux"),
		"-append", "root=/dev/nvme0n1p1 rw rootfstype=ext4 console=ttyS0 quiet net.ifnames=0 " +
			"mitigations=off nokaslr tsc=reliable no_timer_check nowatchdog random.trust_cpu=on " +
			"8250.nr_uarts=1 init_on_alloc=0",
		// The host's page cache outlives qemu: to the machine it is the medium.
		"-drive", "if=none,id=disk,format=raw,cache=writeback,file=" + disk,
		"-device", "nvme,drive=disk,serial=1",
	}
	// Restricted: the machine reaches nothing, the host reaches its ports.
	network := "user,id=net,restrict=on"
	for port, address := range m.forwards {
		network += fmt.Sprintf(",hostfwd=tcp:%s-:%d", address, port)
	}
	return append(args, "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=")
}

// Cut cuts the power: first the processor stops, then the disk loses what is in
// its cache.
func (m *Machine) Cut() {
	for _, p := range m.processes {
		_ = p.Process.Kill() // fails if it has ended, which is as well
		_ = p.Wait()
	}
	m.processes = nil
}

// Address is the host's address that leads to a port of the machine.
func (m *Machine) Address(port int) string { return m.forwards[port] }

// WaitUp waits until the machine has booted and its jobs are done.
func (m *Machine) WaitUp(t testing.TB) {
	t.Helper()
	m.waitForAgent(t)
	m.Shell(t, "systemctl is-system-running --wait || true")
}

// waitForAgent waits until the machine says that its agent can be reached: a
// connection to a machine without a network would hang.
func (m *Machine) waitForAgent(t testing.TB) {
	t.Helper()
	m.eventually(t, bootTime, func() error {
		said, err := os.ReadFile(m.console())
		if err == nil && !bytes.Contains(said, []byte("The agent can be reached.")) {
			err = errors.New("the agent cannot be reached")
		}
		return err
	})
}

// Shell runs a script of bash(1) as root, which must succeed, with -eu and
// pipefail, and returns what it printed.
func (m *Machine) Shell(t testing.TB, script string) string {
	t.Helper()
	out, err := m.run(script, 5*time.Minute)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// run has the machine's agent run a script.
func (m *Machine) run(script string, limit time.Duration) (string, error) {
	conn, err := net.Dial("tcp", m.Address(agentPort))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(conn, script); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return string(answer), err
	}
	i := bytes.LastIndex(answer, []byte("\nexit "))
	if i < 0 {
		return string(answer), fmt.Errorf("the agent ends without an exit status")
	}
	out, status := string(answer[:i]), strings.TrimSpace(string(answer[i+len("\nexit "):]))
	if code, err := strconv.Atoi(status); err != nil || code != 0 {
		return out, fmt.Errorf("exit status %s", status)
	}
	return out, nil
}

// eventually waits until check succeeds. If it does not, what qemu and the
// machine's kernel said last is a part of the failure.
func (m *Machine) eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %v\n%s%s", limit, err, m.said("qemu-system-x86_64.log"), m.said("console"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// said is the end of one of the machine's logs.
func (m *Machine) said(name string) string {
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
