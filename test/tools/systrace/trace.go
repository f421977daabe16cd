package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call is a system call with the error that it returned, 0 for none.
type call struct {
	number int
	errno  syscall.Errno
}

// A tracer follows a tree of processes and counts the system calls of those
// whose command line begins with program. Its methods belong to one thread, as
// ptrace(2) does.
type tracer struct {
	program string
	calls   map[call]int
	// traced are the processes that run the program.
	traced map[int]bool
	// number is the call that a thread is in.
	number map[int]int
}

func newTracer(program string) *tracer {
	return &tracer{program: program, calls: map[call]int{}, traced: map[int]bool{}, number: map[int]int{}}
}

// seize attaches to a thread without stopping it. Threads and processes that it starts
// from then on are traced, too.
func (t *tracer) seize(pid int) error {
	options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
	if err := ptrace(unix.PTRACE_SEIZE, pid, 0, uintptr(options)); err != nil {
		return fmt.Errorf("trace process %d: %w", pid, err)
	}
	return nil
}

// run follows until no traced process is left or until stop says so.
func (t *tracer) run(stop func() bool) error {
	for !stop() {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD):
			return nil
		case err != nil:
			return err
		case status.Stopped():
			// A thread that was killed meanwhile is gone.
			if err := t.stopped(tid, status); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		default:
			delete(t.number, tid)
			delete(t.traced, tid)
		}
	}
	return nil
}

// stopped handles the stop of a thread and continues the thread.
func (t *tracer) stopped(tid int, status syscall.WaitStatus) error {
	signal, event := status.StopSignal(), int(status>>16)
	switch {
	case event == unix.PTRACE_EVENT_STOP && signal != syscall.SIGTRAP:
		// The whole process was stopped by a signal, and stays so.
		return ptrace(unix.PTRACE_LISTEN, tid, 0, 0)
	case event == unix.PTRACE_EVENT_EXEC:
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", tid)) // none if it is gone
		t.traced[tid] = strings.HasPrefix(strings.ReplaceAll(string(line), "\x00", " "), t.program)
		delete(t.number, tid)
	case event != 0:
	case signal == syscall.SIGTRAP|0x80:
		if err := t.syscall(tid); err != nil {
			return err
		}
	default:
		return t.resume(tid, signal)
	}
	return t.resume(tid, 0)
}

func (t *tracer) resume(tid int, signal syscall.Signal) error {
	if t.traced[process(tid)] {
		return ptrace(unix.PTRACE_SYSCALL, tid, 0, uintptr(signal))
	}
	return ptrace(unix.PTRACE_CONT, tid, 0, uintptr(signal))
}

// syscallInfo is ptrace_syscall_info of linux/ptrace.h.
type syscallInfo struct {
	op      uint8
	_       [3]uint8
	arch    uint32
	ip, sp  uint64
	value   int64 // at entry the call's number, at exit its result
	isError uint8
	_       [63]uint8
}

func (t *tracer) syscall(tid int) error {
	var info syscallInfo
	if err := ptrace(unix.PTRACE_GET_SYSCALL_INFO, tid, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))); err != nil {
		return err
	}
	switch info.op {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		t.number[tid] = int(info.value)
		// Some calls do not return.
		t.calls[call{int(info.value), 0}] += 0
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		number, ok := t.number[tid]
		if !ok {
			return nil // of the execve(2) that made it the program
		}
		c := call{number: number}
		if info.isError != 0 {
			c.errno = syscall.Errno(-info.value)
		}
		t.calls[c]++
	}
	return nil
}

func ptrace(request, pid int, address, data uintptr) error {
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(pid), address, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// process returns the process that a thread belongs to.
func process(tid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return tid
	}
	_, rest, _ := strings.Cut(string(status), "\nTgid:\t")
	tgid, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(tgid)
	if err != nil {
		return tid
	}
	return n
}
