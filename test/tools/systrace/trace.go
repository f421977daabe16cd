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

// A call is a system call of a program, with the error that it returned, 0 for none.
type call struct {
	program string
	number  int
	errno   syscall.Errno
}

// A tracer follows a tree of processes and counts the system calls of those
// whose command line begins with one of programs, and of the processes that
// these start. Its methods belong to one thread, as ptrace(2) does.
type tracer struct {
	programs []string
	calls    map[call]int
	// traced has the program of each process, "" for none of them.
	traced map[int]string
	// number is the call that a thread is in.
	number map[int]int
	// processes has the process of each thread.
	processes map[int]int
}

func newTracer(programs []string) *tracer {
	return &tracer{programs: programs, calls: map[call]int{}, traced: map[int]string{}, number: map[int]int{}, processes: map[int]int{}}
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
			delete(t.processes, tid)
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
		t.executed(tid)
	case event == unix.PTRACE_EVENT_STOP:
		t.started(tid)
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

// executed handles a process that now runs another program. A program that a counted
// one has started is counted with that.
func (t *tracer) executed(tid int) {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", tid)) // none if it is gone
	command := strings.ReplaceAll(string(line), "\x00", " ")
	for _, program := range t.programs {
		if strings.HasPrefix(command, program) {
			t.traced[tid] = program
		}
	}
	delete(t.number, tid)
}

// started handles a new process, which is counted with its parent, or a new thread.
func (t *tracer) started(tid int) {
	if _, known := t.traced[tid]; !known && t.process(tid) == tid {
		t.traced[tid] = t.traced[parent(tid)]
	}
}

func (t *tracer) resume(tid int, signal syscall.Signal) error {
	if t.traced[t.process(tid)] != "" {
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
	program := t.traced[t.process(tid)]
	switch info.op {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		t.number[tid] = int(info.value)
		// Some calls do not return.
		t.calls[call{program, int(info.value), 0}] += 0
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		number, ok := t.number[tid]
		if !ok {
			return nil // of the execve(2) that made it the program
		}
		c := call{program: program, number: number}
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
func (t *tracer) process(tid int) int {
	pid, known := t.processes[tid]
	if !known {
		pid = statusNumber(tid, "Tgid", tid)
		t.processes[tid] = pid
	}
	return pid
}

// parent returns the parent of a process, or 0 if the process is gone.
func parent(pid int) int { return statusNumber(pid, "PPid", 0) }

// statusNumber returns a number of proc_pid_status(5), or missing.
func statusNumber(tid int, field string, missing int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return missing
	}
	_, rest, _ := strings.Cut(string(status), "\n"+field+":\t")
	value, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(value)
	if err != nil {
		return missing
	}
	return n
}
