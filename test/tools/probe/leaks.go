package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// clockOfInit is the clock of the processor time of process 1 (clock_getcpuclockid(3)).
	clockOfInit = ^1<<3 | 2
	dnAccess    = 1  // DN_ACCESS of fcntl(2)
	vdso        = 33 // AT_SYSINFO_EHDR of getauxval(3)
)

// leakAttempts try what system calls that a service needs do for other purposes.
func (m *memory) leakAttempts(t target) []attempt {
	leased := filepath.Join(t.data, "leased")
	return []attempt{
		m.single("process-times", "read how much processor time another process has used", unix.SYS_CLOCK_GETTIME, clockOfInit, words(0, 0)).unless(os.Getpid() == 1),
		m.single("read-affinity", "read on which processors another process may run", unix.SYS_SCHED_GETAFFINITY, 1, 128, make([]byte, 128)).unless(os.Getpid() == 1),
		steps("watch-directory", "get a signal when others read a directory",
			m.open(filepath.Dir(t.config), unix.O_RDONLY|unix.O_DIRECTORY), m.call(unix.SYS_FCNTL, result(0), unix.F_NOTIFY, dnAccess)),
		steps("lease-file", "delay others who open a file of the state directory",
			m.unlink(leased), m.call(unix.SYS_OPENAT, at, leased, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600),
			m.call(unix.SYS_FCNTL, result(1), unix.F_SETLEASE, unix.F_WRLCK), m.unlink(leased)).orErrno(unix.EAGAIN),
		steps("lock-file", "hold a lock of the configuration's file, for which others wait",
			m.open(t.config, unix.O_RDONLY), m.call(unix.SYS_FLOCK, result(0), unix.LOCK_EX|unix.LOCK_NB)),
		m.single("disk-usage", "read how full the disk is", unix.SYS_STATFS, t.data, make([]byte, 120)),
		// A kernel without memory merging returns EINVAL.
		steps("merge-memory", "offer memory that the kernel merges with equal memory of other processes",
			m.call(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0),
			m.call(unix.SYS_MADVISE, result(0), 4096, unix.MADV_MERGEABLE)).orErrno(unix.EINVAL),
		m.single("lock-page", "keep memory out of swap space by mmap(2)", unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_LOCKED, -1, 0),
		try("kernel-version", "read the kernel's version in the vDSO", readVDSO),
	}
}

// readVDSO looks for the note of the vDSO that has the kernel's version (vdso(7)).
func readVDSO() error {
	vector, err := unix.Auxv()
	if err != nil {
		return err
	}
	for _, entry := range vector {
		if entry[0] != vdso {
			continue
		}
		image := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&entry[1]))), os.Getpagesize())
		if bytes.Contains(image, []byte("Linux\x00")) {
			return nil
		}
	}
	return errors.New("no vDSO with a note")
}
