package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processAttempts try to see and to touch other processes.
func (m *memory) processAttempts(t target) []attempt {
	self := os.Getpid()
	iov := func() []byte { return m.vector(make([]byte, 8)) }
	remote := words(0x400000, 8)
	list := []attempt{
		try("see-processes", "find other processes in /proc", seeProcesses),
		try("count-processes", "find out which process numbers are taken, by signal 0", countProcesses),
		m.single("signal-init", "send a signal to process 1", unix.SYS_KILL, 1, 0).unless(self == 1),
		m.single("signal-parent", "send a signal to the service from a process that it made", unix.SYS_KILL, self, 0),
		m.single("ptrace-service", "trace the service from a process that it made", unix.SYS_PTRACE, unix.PTRACE_SEIZE, self, 0, 0),
		m.single("ptrace-init", "trace process 1", unix.SYS_PTRACE, unix.PTRACE_SEIZE, 1, 0, 0).unless(self == 1),
		m.single("read-memory", "read the memory of another process", unix.SYS_PROCESS_VM_READV, self, iov(), 1, remote, 1, 0),
		m.single("write-memory", "write the memory of another process", unix.SYS_PROCESS_VM_WRITEV, self, iov(), 1, remote, 1, 0).orErrno(syscall.EFAULT),
		m.single("process-descriptor", "open a descriptor of a process", unix.SYS_PIDFD_OPEN, self, 0),
		steps("steal-descriptor", "take a descriptor out of another process",
			m.call(unix.SYS_PIDFD_OPEN, self, 0), m.call(unix.SYS_PIDFD_GETFD, result(0), 0, 0)),
		m.single("compare-processes", "compare kernel objects of processes", unix.SYS_KCMP, self, self, 0, 0, 0),
		m.single("priority-up", "run before other processes", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, -10&0xffffffff),
		m.single("real-time", "run before all other processes", unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_FIFO, []byte{1, 0, 0, 0}),
		m.single("deadline", "run by deadline", unix.SYS_SCHED_SETATTR, 0, words(uint64(unix.SCHED_DEADLINE)<<32|48, 0, 0, 1e6, 1e7, 1e7), 0),
		m.single("affinity", "choose processors", unix.SYS_SCHED_SETAFFINITY, 0, 8, words(1)),
		m.single("io-priority", "write before other processes", unix.SYS_IOPRIO_SET, 1, 0, 1<<13),
		m.single("raise-limit", "raise a resource limit above its hard one", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, words(1<<20-1, 1<<20-1), 0),
		m.single("core-dump", "have the kernel dump memory", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CORE, words(1<<20, 1<<20), 0),
		m.single("lock-memory", "lock all memory", unix.SYS_MLOCKALL, unix.MCL_CURRENT),
		m.single("set-uid", "become root", unix.SYS_SETUID, 0),
		m.single("set-gid", "become root's group", unix.SYS_SETGID, 0),
		m.single("set-groups", "drop or take groups", unix.SYS_SETGROUPS, 0, 0),
		m.single("capabilities", "take a capability", unix.SYS_CAPSET, words(0x20080522), words(1<<32|1, 0, 0)),
	}
	return append(list, m.prctlAttempts(t)...)
}

func (m *memory) prctlAttempts(t target) []attempt {
	var list []attempt
	for _, p := range []struct {
		name, what string
		args       []any
	}{
		{"name", "call itself something else", []any{unix.PR_SET_NAME, "kworker"}},
		{"dumpable", "let others read its memory", []any{unix.PR_SET_DUMPABLE, 1}},
		{"tracer", "let any process trace it", []any{unix.PR_SET_PTRACER, -1}},
		{"secure-bits", "change what root's capabilities mean", []any{unix.PR_SET_SECUREBITS, 0}},
		{"ambient", "keep a capability over execve(2)", []any{unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, 10, 0, 0}},
		{"keep-capabilities", "keep capabilities over setuid(2)", []any{unix.PR_SET_KEEPCAPS, 1}},
		{"memory-map", "forge what /proc shows of it", []any{unix.PR_SET_MM, unix.PR_SET_MM_ARG_START, 0x400000, 0, 0}},
		{"privileges", "have no_new_privs off", []any{unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0}},
		{"subreaper", "inherit other processes' children", []any{unix.PR_SET_CHILD_SUBREAPER, 1}},
		{"seccomp", "install a system call filter", []any{unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, m.filter()}},
	} {
		list = append(list, m.single("prctl-"+p.name, p.what, unix.SYS_PRCTL, p.args...))
	}
	return list
}

// filter is a sock_fprog of one instruction that allows everything.
func (m *memory) filter() []byte {
	program := m.bytes([]byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f})
	return words(1, uint64(program))
}

// vector is an iovec for b.
func (m *memory) vector(b []byte) []byte { return words(uint64(m.bytes(b)), uint64(len(b))) }

// unless omits an attempt on a process that does not exist: in a process namespace, the
// service itself is process 1.
func (a attempt) unless(absent bool) attempt {
	if absent {
		a.try = func() error { return syscall.ESRCH }
	}
	return a
}

// seeProcesses looks twice, because a child of the probe may be about to end.
func seeProcesses() error {
	first, err := processes()
	if err != nil {
		return err
	}
	time.Sleep(2 * stepTime)
	second, err := processes()
	if err != nil {
		return err
	}
	for pid := range first {
		if second[pid] && pid != os.Getpid() {
			return nil
		}
	}
	return errors.New("only itself")
}

func processes() (map[int]bool, error) {
	entries, err := os.ReadDir("/proc")
	found := map[int]bool{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			found[n] = true
		}
	}
	return found, err
}

// countProcesses asks about numbers that are the service's own neighbours. A
// number that is taken gives EPERM, one that is not ESRCH.
func countProcesses() error {
	answers := map[error]bool{}
	for pid := 1; pid < 4096; pid++ {
		if pid != os.Getpid() {
			answers[unix.Tgkill(pid, pid, 0)] = true
		}
	}
	if len(answers) > 1 {
		return nil
	}
	return syscall.ESRCH
}
