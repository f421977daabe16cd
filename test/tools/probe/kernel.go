package main

import (
	"reflect"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A namespace is a kind of namespace, with its flag of clone(2).
type namespace struct {
	name string
	flag int
}

func namespaces() []namespace {
	return []namespace{
		{"user", unix.CLONE_NEWUSER}, {"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"net", unix.CLONE_NEWNET},
		{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"time", unix.CLONE_NEWTIME},
	}
}

// namespaceAttempts try to make and to enter namespaces.
func (m *memory) namespaceAttempts() []attempt {
	var list []attempt
	for _, ns := range namespaces() {
		list = append(list,
			m.single("unshare-"+ns.name, "make a "+ns.name+" namespace by unshare(2)", unix.SYS_UNSHARE, ns.flag),
			steps("setns-"+ns.name, "enter the "+ns.name+" namespace of process 1",
				m.open("/proc/1/ns/"+ns.name, unix.O_RDONLY), m.call(unix.SYS_SETNS, result(0), ns.flag)),
			m.single("clone3-"+ns.name, "make a "+ns.name+" namespace by clone3(2)", unix.SYS_CLONE3,
				words(uint64(ns.flag), 0, 0, 0, uint64(syscall.SIGCHLD), 0, 0, 0), 64),
		)
		// In clone(2) CLONE_NEWTIME is a part of the signal's number.
		if ns.name != "time" {
			list = append(list, m.single("clone-"+ns.name, "make a "+ns.name+" namespace by clone(2)",
				unix.SYS_CLONE, ns.flag|int(syscall.SIGCHLD), 0, 0, 0, 0))
		}
	}
	return append(list,
		steps("setns-own", "enter its own network namespace again", m.open("/proc/self/ns/net", unix.O_RDONLY), m.call(unix.SYS_SETNS, result(0), 0)))
}

// mountAttempts try to change the file system's tree.
func (m *memory) mountAttempts(t target) []attempt {
	return []attempt{
		m.single("mount", "mount a file system", unix.SYS_MOUNT, "tmpfs", t.data, "tmpfs", 0, 0),
		m.single("bind-mount", "mount a directory elsewhere", unix.SYS_MOUNT, "/", t.data, 0, unix.MS_BIND, 0),
		m.single("remount", "make the root directory writable by a mount option", unix.SYS_MOUNT, 0, "/", 0, unix.MS_REMOUNT|unix.MS_BIND, 0),
		m.single("unmount", "take a mount away", unix.SYS_UMOUNT2, "/proc", unix.MNT_DETACH),
		m.single("open-tree", "clone a mount", unix.SYS_OPEN_TREE, at, "/", 1),
		m.single("open-file-system", "make a file system by fsopen(2)", unix.SYS_FSOPEN, "tmpfs", 0),
		m.single("pick-file-system", "reconfigure a file system by fspick(2)", unix.SYS_FSPICK, at, "/", 0),
		m.single("move-mount", "move a mount", unix.SYS_MOVE_MOUNT, at, "/proc", at, t.data, 0),
		m.single("mount-attributes", "change a mount's attributes", unix.SYS_MOUNT_SETATTR, at, "/", 0, words(0, 1, 0, 0), 32),
		m.single("pivot-root", "change the root file system", unix.SYS_PIVOT_ROOT, t.data, t.data),
		m.single("chroot", "change the root directory", unix.SYS_CHROOT, t.data),
		m.single("swap-on", "use a file as swap space", unix.SYS_SWAPON, t.data, 0).orErrno(syscall.EINVAL, syscall.EISDIR),
		m.single("swap-off", "take swap space away", unix.SYS_SWAPOFF, "/swapfile").orErrno(syscall.ENOENT),
		m.single("quota", "change disk quotas", unix.SYS_QUOTACTL, 0x800001<<8, 0, 0, 0),
		m.single("accounting", "have all processes recorded", unix.SYS_ACCT, 0),
	}
}

// kernelAttempts try the kernel's other interfaces, several of which have had
// vulnerabilities.
func (m *memory) kernelAttempts() []attempt {
	page := 4096
	code := unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	anonymous := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	attr := make([]byte, 128)
	text := make([]byte, 8)
	copy(attr, words(uint64(128)<<32|unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK))
	return append(foreign(), []attempt{
		m.single("bpf-map", "make a BPF map", unix.SYS_BPF, unix.BPF_MAP_CREATE, words(4<<32|2, 1<<32|4, 0, 0, 0, 0, 0, 0, 0), 72),
		m.single("bpf-program", "load a BPF program", unix.SYS_BPF, unix.BPF_PROG_LOAD, m.bpfProgram(), 48),
		m.single("performance-events", "watch the processor by perf_event_open(2)", unix.SYS_PERF_EVENT_OPEN, attr, 0, -1, -1, 0),
		m.single("userfaultfd", "stop the kernel at a page fault", unix.SYS_USERFAULTFD, 1),
		m.single("io-uring", "make system calls by io_uring, past any filter", unix.SYS_IO_URING_SETUP, 1, make([]byte, 120)),
		m.single("asynchronous-io", "use Linux AIO", unix.SYS_IO_SETUP, 1, words(0)),
		m.single("keyring", "use the kernel's keyring", unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, -3, 1),
		m.single("add-key", "store a key in the kernel", unix.SYS_ADD_KEY, "user", "probe", "x", 1, -2),
		m.single("request-key", "have the kernel look a key up", unix.SYS_REQUEST_KEY, "user", "probe", 0, -2).orErrno(syscall.ENOKEY),
		m.single("personality", "switch address randomisation off", unix.SYS_PERSONALITY, 0x0040000),
		m.single("personality-exec", "have all readable memory executable", unix.SYS_PERSONALITY, 0x0400000),
		m.single("kexec", "load another kernel", unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
		m.single("load-module", "load a kernel module", unix.SYS_INIT_MODULE, []byte{0}, 1, "").orErrno(syscall.ENOEXEC),
		m.single("load-module-file", "load a kernel module from a file", unix.SYS_FINIT_MODULE, 0, "", 0).orErrno(syscall.ENOEXEC, syscall.EINVAL),
		m.single("remove-module", "remove a kernel module", unix.SYS_DELETE_MODULE, "no_such_module", unix.O_NONBLOCK).orErrno(syscall.ENOENT),
		m.single("reboot", "set what ctrl-alt-del does", unix.SYS_REBOOT, 0xfee1dead, 672274793, 0, 0),
		m.single("clock-set", "set the clock to what it says", unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, words(uint64(time.Now().Unix()), 0)),
		m.single("clock-adjust", "adjust the clock's speed", unix.SYS_CLOCK_ADJTIME, unix.CLOCK_REALTIME, append(words(2, 0), make([]byte, 192)...)),
		m.single("host-name", "change the host's name", unix.SYS_SETHOSTNAME, "probe", 5),
		m.single("domain-name", "change the domain's name", unix.SYS_SETDOMAINNAME, "probe", 5),
		m.single("kernel-log", "read the kernel's log", unix.SYS_SYSLOG, 3, make([]byte, 64), 64),
		m.single("hang-up", "hang up the terminal", unix.SYS_VHANGUP),
		m.single("uname", "read the kernel's version", unix.SYS_UNAME, make([]byte, 390)),
		m.single("sysinfo", "read how long and how busy the machine is", unix.SYS_SYSINFO, make([]byte, 112)),
		m.single("seccomp", "use seccomp(2)", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, m.filter()),
		m.single("map-write-exec", "make memory that is writable and executable", unix.SYS_MMAP, 0, page, code, anonymous, -1, 0),
		steps("protect-exec", "make written memory executable by mprotect(2)",
			m.call(unix.SYS_MMAP, 0, page, unix.PROT_READ|unix.PROT_WRITE, anonymous, -1, 0),
			m.call(unix.SYS_MPROTECT, result(0), page, unix.PROT_READ|unix.PROT_EXEC)),
		steps("protect-key-exec", "make written memory executable by pkey_mprotect(2)",
			m.call(unix.SYS_MMAP, 0, page, unix.PROT_READ|unix.PROT_WRITE, anonymous, -1, 0),
			m.call(unix.SYS_PKEY_MPROTECT, result(0), page, unix.PROT_READ|unix.PROT_EXEC, -1)),
		m.single("protect-text", "make the program's own code writable", unix.SYS_MPROTECT, textPage(), page, code),
		steps("write-text", "write over the program's own code by /proc/self/mem",
			m.open("/proc/self/mem", unix.O_RDWR), m.call(unix.SYS_PREAD64, result(0), text, 8, textPage()),
			m.call(unix.SYS_PWRITE64, result(0), text, 8, textPage())),
		m.single("shared-memory", "make System V shared memory", unix.SYS_SHMGET, 0, page, unix.IPC_CREAT|0o600),
		m.single("semaphores", "make System V semaphores", unix.SYS_SEMGET, 0, 1, unix.IPC_CREAT|0o600),
		m.single("message-queue", "make a System V message queue", unix.SYS_MSGGET, 0, unix.IPC_CREAT|0o600),
		m.single("posix-queue", "make a POSIX message queue", unix.SYS_MQ_OPEN, "probe", unix.O_CREAT|unix.O_RDWR, 0o600, 0),
		m.single("vmsplice", "hand memory to a pipe without a copy", unix.SYS_VMSPLICE, 1, m.vector(make([]byte, 8)), 0, 0).orErrno(syscall.EBADF, syscall.EINVAL),
		// A machine without reserved huge pages returns ENOMEM.
		m.single("reserved-pages", "use huge pages that the administrator has reserved", unix.SYS_MMAP, 0, 2<<20, unix.PROT_READ|unix.PROT_WRITE,
			anonymous|unix.MAP_HUGETLB, -1, 0).orErrno(syscall.ENOMEM),
	}...)
}

// bpfProgram is the attribute of a socket filter that returns 0.
func (m *memory) bpfProgram() []byte {
	code := m.bytes([]byte{0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0})
	licence := m.bytes([]byte("GPL\x00"))
	return words(2<<32|1, uint64(code), uint64(licence), 0, 0, 0)
}

// textPage is the address of a page of the program's code.
func textPage() uintptr { return reflect.ValueOf(main).Pointer() &^ 4095 }
