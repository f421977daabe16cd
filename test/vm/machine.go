//go:build vm

// Package vm tests the installed packages on virtual machines: their power can be
// cut, and they have a kernel of their own. It is for what test/booted cannot
// show. test/vm/run runs the tests, and test/vm/image makes the disks. Read
// powercut_test.go and kernel_test.go first.
package vm

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A Disk says which of the writes that the machine's kernel has sent to the disk
// survive a power cut.
type Disk int

// The kinds of disk.
const (
	// A Durable disk keeps every write; a power cut loses the page cache.
	Durable Disk = iota
	// A Volatile disk has a cache, and keeps the writes that were flushed.
	Volatile
	// IgnoresFlush is a disk with a cache that reports a flush without doing it.
	IgnoresFlush
)

func (d Disk) String() string {
	return [...]string{"a disk without a cache", "a disk with a volatile cache", "a disk that ignores flushes"}[d]
}

// filter returns the mode of nbdkit-cache-filter(1).
func (d Disk) filter() string {
	if d == IgnoresFlush {
		return "cache=unsafe"
	}
	return "cache=writeback"
}

// The machine's ports. Each is forwarded from a port of the host.
const (
	agentPort    = 5000
	httpsPort    = 8080
	metricsPort  = 8081
	baselinePort = 9090
)

// A Machine is a virtual machine with a disk of its own. Its processes end with
// the test's, however the test ends.
type Machine struct {
	Disk   Disk
	Memory int // MiB

	image, dir string
	forwards   map[int]string // host's address by guest's port
	processes  []*exec.Cmd    // in the order in which a power cut kills them
}

// NewMachine makes a machine from an image and does not start it.
func NewMachine(t testing.TB, image string, disk Disk) *Machine {
	t.Helper()
	m := &Machine{Disk: disk, Memory: 512, image: image, dir: t.TempDir(), forwards: map[int]string{}}
	if out, err := exec.Command("cp", "--sparse=always", filepath.Join(image, "disk.img"), m.disk()).CombinedOutput(); err != nil {
		t.Fatalf("copy the disk: %v\n%s", err, out)
	}
	for _, port := range []int{agentPort, httpsPort, metricsPort, baselinePort} {
		m.forwards[port] = freeAddress(t)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("status and journal of the units:\n%s", m.report())
		}
		m.PowerCut()
	})
	return m
}

func (m *Machine) report() string {
	if m.processes == nil {
		return "the machine is off"
	}
	out, err := m.run("systemctl --no-pager --lines=0 status 'foobar*' || true; journalctl -q --no-pager -b -u 'foobar*' | tail -n 40", time.Minute)
	if err != nil {
		return fmt.Sprintf("%s%v\n%s", out, err, m.logTail("console"))
	}
	return out
}

// freeAddress returns an address that no program listens on. qemu fails to start
// if another program takes it meanwhile.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// PowerOn starts the machine and does not wait until it is up.
func (m *Machine) PowerOn(t testing.TB) {
	t.Helper()
	// The lines of the boot before must not be taken for those of this one.
	if err := os.RemoveAll(m.console()); err != nil {
		t.Fatal(err)
	}
	m.processes = nil
	if m.Disk != Durable {
		m.processes = append(m.processes, m.startDisk(t))
	}
	qemu := m.start(t, platformOf(*arch).qemu, m.arguments()...)
	m.processes = append([]*exec.Cmd{qemu}, m.processes...)
}

// startDisk starts a server of the disk. The disk's cache is lost with it.
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
	t.Fatalf("nbdkit does not listen:\n%s", m.logTail("nbdkit.log"))
	return nil
}

func (m *Machine) disk() string    { return filepath.Join(m.dir, "disk.img") }
func (m *Machine) console() string { return filepath.Join(m.dir, "console") }
func (m *Machine) socket() string  { return filepath.Join(m.dir, "disk.sock") }

// start starts one of the image's programs with the dynamic linker beside it,
// because the host may lack the program's libraries.
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

// arguments returns qemu's command line. The kernel starts without firmware, boot
// loader and initial file system, and without mitigations: on an emulated
// processor they take most of the time and protect nothing.
func (m *Machine) arguments() []string {
	share := filepath.Join(m.image, "tools/usr/share")
	disk := m.disk()
	if m.Disk != Durable {
		disk = "nbd+unix:///?socket=" + m.socket()
	}
	p := platformOf(*arch)
	args := []string{
		"-L", filepath.Join(share, "qemu"), "-L", filepath.Join(share, "seabios"),
		"-M", p.machine, "-cpu", p.processor, "-accel", "tcg,tb-size=256", "-smp", "1", "-m", strconv.Itoa(m.Memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-serial", "file:" + m.console(),
		"-kernel", filepath.Join(m.image, "vmlinux"),
		"-append", "root=/dev/nvme0n1p1 rw rootfstype=ext4 quiet net.ifnames=0 " +
			"mitigations=off nokaslr nowatchdog random.trust_cpu=on init_on_alloc=0 " + p.options,
		// The host's page cache survives qemu, so for the machine it is the disk.
		"-drive", "if=none,id=disk,format=raw,cache=writeback,file=" + disk,
		"-device", "nvme,drive=disk,serial=1",
	}
	// restrict=on: the machine reaches no network; the host reaches its ports.
	network := "user,id=net,restrict=on"
	for port, address := range m.forwards {
		network += fmt.Sprintf(",hostfwd=tcp:%s-:%d", address, port)
	}
	return append(args, "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=")
}

// PowerCut cuts the power: first the processor stops, then the disk loses its
// cache.
func (m *Machine) PowerCut() {
	for _, p := range m.processes {
		_ = p.Process.Kill() // it fails if the process has ended
		_ = p.Wait()
	}
	m.processes = nil
}

// Address returns the host's address that is forwarded to a port of the machine.
func (m *Machine) Address(port int) string { return m.forwards[port] }
