package main

import (
	"golang.org/x/sys/unix"
)

// futexWake is FUTEX_WAKE of linux/futex.h.
const futexWake = 1

// lastSyscall is beyond the highest number of any architecture's table.
const lastSyscall = 600

// A trial is the line of one system call number.
type trial struct {
	Kind   string `json:"kind"`
	Number int    `json:"number"`
	// Result is the error's name, "" for none, or "killed" or "blocked".
	Result string `json:"result"`
}

// Results that are no error's name.
const (
	killed     = "killed"
	waits      = "blocked"
	childless  = "no child"
	impossible = ^uintptr(0)
)

// trySyscalls calls every number once, each in a process of its own, with
// arguments that the kernel refuses once it looks at them: no descriptor, no
// address, no flags that there are.
func trySyscalls(r *runner, report func(any)) {
	for n := 0; n < lastSyscall; n++ {
		s := step{number: uintptr(n), args: harmless(uintptr(n))}
		report(trial{Kind: "syscall", Number: n, Result: describe(r.run([]step{s}))})
	}
}

func describe(o outcome) string {
	switch o.ended {
	case returned:
		return ""
	case failed:
		return errnoName(o.errno)
	case died:
		return killed
	case blocked:
		return waits
	default:
		return childless
	}
}

// harmless returns arguments for a call. Most calls refuse -1 for anything;
// the others would do something, or say ENOSYS as if they were not there.
func harmless(number uintptr) [6]uintptr {
	switch number {
	case unix.SYS_FUTEX:
		return [6]uintptr{0, futexWake, 0}
	case unix.SYS_KILL:
		return [6]uintptr{1<<31 - 1, 0}
	case unix.SYS_MSGGET:
		return [6]uintptr{1<<31 - 1, 0}
	case modifyLDT:
		return [6]uintptr{}
	}
	return [6]uintptr{impossible, impossible, impossible, impossible, impossible, impossible}
}
