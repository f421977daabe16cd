package main

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxSteps bounds an attempt; its results have places in the page.
const maxSteps = 16

// A step is one system call. It is plain memory, as the child that runs it has
// no Go runtime to speak of.
type step struct {
	number uintptr
	args   [6]uintptr
	// from, where positive, is the number of the earlier step, counted from
	// one, whose result takes the argument's place.
	from [6]uintptr
	// compat is for the 32-bit entry to the kernel, int 0x80.
	compat bool
	// optional steps may fail.
	optional bool
}

// page is memory that the child shares with its parent: wait4(2) may be denied.
type page struct {
	state   uint64 // idle, running or done
	step    uint64 // the step that is running, or that failed
	errno   uint64
	results [maxSteps]uint64
}

// States of a page.
const (
	idle = iota
	running
	done
)

// An outcome is how a sequence of steps ended.
type outcome struct {
	ended ended
	step  int           // where it ended
	errno syscall.Errno // of the step that failed
	value uint64        // the last result
}

type ended int

const (
	returned ended = iota // the last step returned without an error
	failed                // a step returned an error
	died                  // a step ended the process, or replaced it
	blocked               // a step did not return in time
	noFork                // the process was not even made
)

// A runner makes children that run steps.
type runner struct{}

const (
	// stepTime is longer than any system call takes that does not block.
	stepTime = 300 * time.Millisecond
	// programTime is longer than a program takes that an attempt runs, on an emulated
	// processor, too.
	programTime = 10 * time.Second
)

func newRunner() *runner {
	// The kernel reaps children whose signal is ignored.
	signal.Ignore(syscall.SIGCHLD)
	return &runner{}
}

// newPage makes a page that is never unmapped: a child's own child may still
// write to it.
func newPage() (*page, error) {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	return (*page)(unsafe.Pointer(&b[0])), nil
}

// run runs steps in a separate process. The caller must keep a reference to the memory
// that they point to.
func (r *runner) run(steps []step, limit time.Duration) outcome {
	if len(steps) == 0 || len(steps) > maxSteps {
		panic(errors.New("steps: too few or too many"))
	}
	var o outcome
	// The child hangs before its first step if the Go runtime was about to interrupt
	// the thread when it was made.
	for range 5 {
		if o = r.runOnce(steps, limit); o.ended != noFork || o.errno != 0 {
			break
		}
	}
	return o
}

func (r *runner) runOnce(steps []step, limit time.Duration) outcome {
	p, err := newPage()
	if err != nil {
		panic(err) // the probe cannot go on without memory
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, errno := fork(p, unsafe.SliceData(steps), uintptr(len(steps)))
	runtime.KeepAlive(steps)
	if errno != 0 {
		return outcome{ended: noFork, errno: errno}
	}
	running := wait(p, pid, limit)
	if running {
		unix.Tgkill(int(pid), int(pid), syscall.SIGKILL)
		unix.Kill(int(pid), syscall.SIGKILL)
		wait(p, pid, stepTime)
	}
	return p.outcome(steps, running)
}

// wait waits until the child is done or gone, and says whether it is neither.
func wait(p *page, pid uintptr, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		if atomic.LoadUint64(&p.state) == done {
			return false
		}
		// Signal 0 asks whether there is such a process.
		if unix.Tgkill(int(pid), int(pid), 0) == syscall.ESRCH {
			return false
		}
	}
	return true
}

func (p *page) outcome(steps []step, running bool) outcome {
	o := outcome{step: int(p.step), errno: syscall.Errno(p.errno)}
	switch {
	case p.state == done && o.errno != 0:
		o.ended = failed
	case p.state == done:
		o.ended, o.value = returned, p.results[len(steps)-1]
	case p.state == idle:
		o.ended, o.errno = noFork, 0
	case running:
		o.ended = blocked
	default:
		o.ended = died
	}
	return o
}

// fork makes a child process by clone(2) and runs the steps in it. Between the
// call and exit_group(2) the child may do nothing that needs the Go runtime:
// no other thread exists in it.
//
//go:nosplit
//go:norace
//go:noinline
func fork(p *page, steps *step, n uintptr) (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	p.state = running
	// Signals that a step brings about are not for the runtime's handlers.
	var standard [4]uint64
	for _, sig := range [...]uintptr{uintptr(syscall.SIGSEGV), uintptr(syscall.SIGBUS), uintptr(syscall.SIGILL), uintptr(syscall.SIGTRAP), uintptr(syscall.SIGSYS), uintptr(syscall.SIGABRT)} {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&standard)), 0, 8, 0, 0)
	}
	for i := uintptr(0); i < n; i++ {
		s := (*step)(unsafe.Add(unsafe.Pointer(steps), i*unsafe.Sizeof(*steps)))
		p.step = uint64(i)
		a := s.args
		for k := range a {
			if f := s.from[k]; f > 0 {
				a[k] = uintptr(p.results[(f-1)&(maxSteps-1)])
			}
		}
		var value uintptr
		if s.compat {
			value, errno = compat(s.number, a[0], a[1], a[2])
		} else {
			value, _, errno = syscall.RawSyscall6(s.number, a[0], a[1], a[2], a[3], a[4], a[5])
		}
		p.results[i&(maxSteps-1)] = uint64(value)
		if errno != 0 && !s.optional {
			p.errno = uint64(errno)
			break
		}
	}
	p.state = done
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}
