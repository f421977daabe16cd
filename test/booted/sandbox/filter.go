package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Filters are the seccomp filters of a process, seccomp(2).
type Filters [][]unix.SockFilter

// requestFilter is PTRACE_SECCOMP_GET_FILTER, of a kernel with
// CONFIG_CHECKPOINT_RESTORE.
const requestFilter = 0x420c

// ReadFilters reads the filters of a process, which continues afterwards. It
// needs CAP_SYS_ADMIN.
func ReadFilters(pid int) (filters Filters, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := ptrace(unix.PTRACE_SEIZE, pid, 0, 0); err != nil {
		return nil, fmt.Errorf("trace process %d: %w", pid, err)
	}
	defer func() { err = errors.Join(err, ptrace(unix.PTRACE_DETACH, pid, 0, 0)) }()
	if err := ptrace(unix.PTRACE_INTERRUPT, pid, 0, 0); err != nil {
		return nil, err
	}
	if _, err := syscall.Wait4(pid, nil, unix.WALL, nil); err != nil {
		return nil, err
	}
	for {
		n, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, requestFilter, uintptr(pid), uintptr(len(filters)), 0, 0, 0)
		if errno == syscall.ENOENT || errno == syscall.EINVAL && len(filters) == 0 {
			return filters, nil // no more of them, or none at all
		}
		if errno != 0 {
			return nil, fmt.Errorf("read the filters of process %d: %w", pid, errno)
		}
		program := make([]unix.SockFilter, n)
		if err := ptrace(requestFilter, pid, uintptr(len(filters)), uintptr(unsafe.Pointer(unsafe.SliceData(program)))); err != nil {
			return nil, err
		}
		filters = append(filters, program)
	}
}

func ptrace(request, pid int, address, data uintptr) error {
	if _, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(pid), address, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// Allow reports whether all filters let a native system call through.
func (f Filters) Allow(number int, arguments [6]uint64) (bool, error) {
	data := []uint32{uint32(number), nativeArch(), 0, 0}
	for _, a := range arguments {
		data = append(data, uint32(a), uint32(a>>32))
	}
	for _, program := range f {
		action, err := run(program, data)
		if err != nil {
			return false, err
		}
		if action != unix.SECCOMP_RET_ALLOW && action != unix.SECCOMP_RET_LOG {
			return false, nil
		}
	}
	return true, nil
}

// nativeArch returns the AUDIT_ARCH_… constant of this machine, linux/audit.h.
func nativeArch() uint32 {
	if runtime.GOARCH == "arm64" {
		return 0xc00000b7
	}
	return 0xc000003e
}

// run runs a classic BPF program over seccomp_data, as words of 32 bits, and
// returns its action. Instructions that libseccomp does not write are errors.
func run(program []unix.SockFilter, data []uint32) (uint32, error) {
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		jump := func(taken bool) {
			if taken {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		}
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if int(i.K/4) >= len(data) {
				return 0, fmt.Errorf("filter: load of byte %d", i.K)
			}
			a = data[i.K/4]
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == i.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(a > i.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= i.K)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(a&i.K != 0)
		case unix.BPF_RET | unix.BPF_K:
			return i.K & unix.SECCOMP_RET_ACTION_FULL, nil
		default:
			return 0, fmt.Errorf("filter: instruction %#x", i.Code)
		}
	}
	return 0, errors.New("filter: no end")
}
