package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const at = unix.AT_FDCWD

// create is openat(2) of a file that must not exist yet.
func (m *memory) create(path string) step {
	return m.call(unix.SYS_OPENAT, at, path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
}

func (m *memory) open(path string, flags int) step {
	return m.call(unix.SYS_OPENAT, at, path, flags|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

func (m *memory) unlink(path string) step {
	s := m.call(unix.SYS_UNLINKAT, at, path, 0)
	s.optional = true
	return s
}

// fileAttempts try to change, plant and run files.
func (m *memory) fileAttempts(t target) []attempt {
	var list []attempt
	configuration := filepath.Dir(t.config)
	for _, dir := range []string{"/", "/bin", "/etc", configuration, "/run", filepath.Join("/run", filepath.Base(configuration)), "/run/credentials", t.credentials,
		"/proc", "/sys", "/dev", "/dev/shm", "/dev/mqueue", "/tmp", "/var", "/var/tmp", "/var/lib", "/usr", "/home", "/root"} {
		path := filepath.Join(dir, "planted")
		list = append(list, steps("plant:"+dir, "make a file in "+dir, m.create(path), m.unlink(path)))
	}
	for _, path := range []string{t.self, t.config, filepath.Join(t.credentials, "cert"), filepath.Join(t.credentials, "key"),
		"/proc/self/mem", "/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/uid_map", "/proc/self/setgroups",
		"/proc/self/attr/current", "/proc/self/timerslack_ns", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
		"/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"} {
		list = append(list, m.single("write:"+path, "open "+path+" for writing", unix.SYS_OPENAT, at, path, unix.O_WRONLY|unix.O_NONBLOCK, 0))
	}
	for _, path := range []string{configuration + "/credentials/key", configuration + "/credentials/token", "/etc/passwd", "/etc/shadow",
		"/etc/machine-id", "/var/log/journal", "/run/systemd/units", "/run/systemd/journal", "/run/dbus", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms",
		"/proc/modules", "/proc/cmdline", "/proc/version", "/proc/meminfo", "/proc/mounts", "/proc/sys/kernel/randomize_va_space",
		"/sys/kernel", "/sys/fs/cgroup", "/sys/class/net", "/proc/1/environ", "/proc/1/cmdline", "/proc/1/root/etc/passwd",
		"/proc/self/root/../etc/passwd", "/../../../etc/passwd"} {
		list = append(list, steps("read:"+path, "open "+path, m.open(path, unix.O_RDONLY)).unless(strings.HasPrefix(path, "/proc/1/") && os.Getpid() == 1))
	}
	for _, name := range []string{"null", "mem", "kmsg", "fuse", "kvm", "rtc0", "net/tun", "vda", "sda", "nvme0n1", "loop-control", "tty", "ptmx", "random", "input/event0"} {
		list = append(list, steps("device:/dev/"+name, "open the device /dev/"+name, m.open("/dev/"+name, unix.O_RDWR)))
	}
	list = append(list,
		m.single("replace-binary", "remove the service's own binary", unix.SYS_UNLINKAT, at, t.self, unix.AT_REMOVEDIR),
		m.single("chmod-binary", "make the service's own binary writable", unix.SYS_FCHMODAT, at, t.self, 0o777),
		m.single("chmod-root", "make the root directory writable", unix.SYS_FCHMODAT, at, "/", 0o777),
	)
	return append(list, m.stateAttempts(t)...)
}

// stateAttempts try what a file in the state directory can be made to be.
func (m *memory) stateAttempts(t target) []attempt {
	in := func(name string) string { return filepath.Join(t.data, name) }
	copied := []step{
		m.call(unix.SYS_OPENAT, at, in("copy"), unix.O_CREAT|unix.O_TRUNC|unix.O_RDWR, 0o700),
		m.call(unix.SYS_WRITE, result(0), t.program, len(t.program)),
	}
	after := func(s ...step) []step { return append(copied[:2:2], s...) }
	argv := m.pointers("copy", noop)
	none := []uintptr{0}
	return []attempt{
		steps("write-state", "make a file in the state directory", m.unlink(in("plain")), m.create(in("plain")), m.unlink(in("plain"))),
		steps("run-state-file", "run a program that was written to the state directory",
			after(m.call(unix.SYS_CLOSE, result(0)), m.call(unix.SYS_EXECVE, in("copy"), argv, none))...).replacesProcess(),
		steps("run-unnamed-file", "run a program from a file that was written and never closed, by its descriptor",
			after(m.call(unix.SYS_EXECVEAT, result(0), "", argv, none, unix.AT_EMPTY_PATH))...).replacesProcess().orErrno(syscall.ETXTBSY),
		steps("map-state-file", "map code from a file that was written to the state directory",
			after(m.call(unix.SYS_MMAP, 0, len(t.program), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE, result(0), 0))...),
		steps("load-script", "run a script by its #! line",
			m.call(unix.SYS_OPENAT, at, in("script"), unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY, 0o700),
			m.call(unix.SYS_WRITE, result(0), "#!"+t.self+" "+noop+"\n", len(t.self)+len(noop)+4),
			m.call(unix.SYS_CLOSE, result(0)),
			m.call(unix.SYS_EXECVE, in("script"), argv, none)).replacesProcess(),
		steps("set-uid-mode", "make a set-user-ID program of a file",
			after(m.call(unix.SYS_FCHMOD, result(0), 0o4755))...),
		steps("set-uid-create", "make a file that is a set-user-ID program from the start",
			m.unlink(in("suid")), m.call(unix.SYS_OPENAT, at, in("suid"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o4755), m.unlink(in("suid"))),
		steps("set-gid-directory", "make a set-group-ID directory", m.call(unix.SYS_MKDIRAT, at, in("sgid"), 0o2755)),
		m.single("chown-state", "give a file to another user", unix.SYS_FCHOWNAT, at, in("copy"), 1, 1, 0),
		steps("symlink-out", "make a symbolic link out of the state directory",
			m.unlink(in("link")), m.call(unix.SYS_SYMLINKAT, filepath.Join(filepath.Dir(t.config), "credentials/key"), at, in("link")), m.unlink(in("link"))),
		steps("hardlink-binary", "make a hard link to the service's own binary",
			m.unlink(in("hard")), m.call(unix.SYS_LINKAT, at, t.self, at, in("hard"), 0), m.unlink(in("hard"))),
		steps("hardlink-config", "make a hard link to the configuration",
			m.unlink(in("hard")), m.call(unix.SYS_LINKAT, at, t.config, at, in("hard"), 0), m.unlink(in("hard"))),
		steps("hardlink-descriptor", "give an open file a name again",
			m.unlink(in("hard")), m.open(t.config, unix.O_RDONLY), m.call(unix.SYS_LINKAT, result(1), "", at, in("hard"), unix.AT_EMPTY_PATH), m.unlink(in("hard"))),
		steps("character-device", "make a device node for the machine's memory",
			m.unlink(in("mem")), m.call(unix.SYS_MKNODAT, at, in("mem"), unix.S_IFCHR|0o600, 1<<8|1), m.unlink(in("mem"))),
		steps("block-device", "make a device node for a disk",
			m.unlink(in("disk")), m.call(unix.SYS_MKNODAT, at, in("disk"), unix.S_IFBLK|0o600, 8<<8), m.unlink(in("disk"))),
		steps("named-pipe", "make a named pipe", m.unlink(in("pipe")), m.call(unix.SYS_MKNODAT, at, in("pipe"), unix.S_IFIFO|0o600, 0), m.unlink(in("pipe"))),
		steps("file-handle", "open the file system's root by its handle, from below the root directory",
			m.open(t.data, unix.O_RDONLY|unix.O_DIRECTORY),
			m.call(unix.SYS_OPEN_BY_HANDLE_AT, result(0), append([]byte{8, 0, 0, 0, 1, 0, 0, 0}, words(2)...), unix.O_RDONLY)).orErrno(syscall.ESTALE),
		steps("extended-attribute", "attach an attribute to a file", m.call(unix.SYS_SETXATTR, in("copy"), "user.note", "x", 1, 0)),
		steps("watch-files", "watch a directory for what others do there",
			m.call(unix.SYS_INOTIFY_INIT1, 0), m.call(unix.SYS_INOTIFY_ADD_WATCH, result(0), t.data, unix.IN_ALL_EVENTS)),
		m.single("watch-mount", "watch a whole mount", unix.SYS_FANOTIFY_INIT, 0x200, 0),
	}
}

// programAttempts try to run something else than the service.
func (m *memory) programAttempts(t target) []attempt {
	none := []uintptr{0}
	argv := m.pointers("program", noop)
	list := []attempt{
		m.single("run-self", "run the service's own binary again", unix.SYS_EXECVE, t.self, argv, none).replacesProcess(),
		m.single("run-proc-exe", "run /proc/self/exe", unix.SYS_EXECVE, "/proc/self/exe", argv, none).replacesProcess(),
		steps("run-memory-file", "run a program from a file in memory",
			m.call(unix.SYS_MEMFD_CREATE, "program", 0),
			m.call(unix.SYS_WRITE, result(0), t.program, len(t.program)),
			m.call(unix.SYS_EXECVEAT, result(0), "", argv, none, unix.AT_EMPTY_PATH)).replacesProcess().orErrno(syscall.ETXTBSY),
		steps("map-memory-file", "map code from a file in memory",
			m.call(unix.SYS_MEMFD_CREATE, "code", 0),
			m.call(unix.SYS_WRITE, result(0), t.program, len(t.program)),
			m.call(unix.SYS_MMAP, 0, len(t.program), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE, result(0), 0)),
		m.single("secret-memory", "make memory that the administrator cannot read", unix.SYS_MEMFD_SECRET, 0),
		m.single("fork", "make another process", unix.SYS_CLONE, int(syscall.SIGCHLD), 0, 0, 0, 0),
	}
	for _, path := range []string{"/bin/sh", "/usr/bin/env", "/lib64/ld-linux-x86-64.so.2", "/usr/lib/systemd/systemd"} {
		list = append(list, m.single("run:"+path, "run "+path, unix.SYS_EXECVE, path, argv, none).replacesProcess())
	}
	return list
}
