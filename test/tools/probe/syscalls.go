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
	// Arguments are those that the call was made with.
	Arguments [6]uintptr `json:"arguments"`
	// Result is the error's name, "" for none, or "killed" or "blocked".
	Result string `json:"result"`
}

// Results that are no error's name.
const (
	killed    = "killed"
	waits     = "blocked"
	childless = "no child"
)

// trySyscalls calls every number once, each in a process of its own, with
// arguments that the kernel refuses once it looks at them: no descriptor, no
// address, no flags that there are.
func trySyscalls(r *runner, report func(any)) {
	for n := 0; n < lastSyscall; n++ {
		s := step{number: uintptr(n), args: harmless(uintptr(n))}
		report(trial{Kind: "syscall", Number: n, Arguments: s.args, Result: describe(r.run([]step{s}, stepTime))})
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
// the others would do something, say ENOSYS as if they were not there, or are
// denied by some of their arguments alone, which attempts are for.
func harmless(number uintptr) [6]uintptr {
	const no = ^uintptr(0)
	special := map[uintptr][6]uintptr{
		unix.SYS_FUTEX:              {0, futexWake},
		unix.SYS_KILL:               {1<<31 - 1},
		unix.SYS_MSGGET:             {1<<31 - 1},
		modifyLDT:                   {},
		unix.SYS_CLONE:              {unix.CLONE_SIGHAND},
		unix.SYS_UNSHARE:            {unix.CLONE_FS},
		unix.SYS_OPENAT:             {no, no},
		unix.SYS_MKDIRAT:            {no, no},
		unix.SYS_MKNODAT:            {no, no},
		unix.SYS_FCHMOD:             {no},
		unix.SYS_FCHMODAT:           {no, no},
		unix.SYS_FCHMODAT2:          {no, no},
		unix.SYS_SETNS:              {no, unix.CLONE_NEWNET},
		unix.SYS_MMAP:               {},
		unix.SYS_MPROTECT:           {1, 1, unix.PROT_READ},
		unix.SYS_PKEY_MPROTECT:      {1, 1, unix.PROT_READ, no},
		unix.SYS_SHMAT:              {no, no},
		unix.SYS_SCHED_SETSCHEDULER: {no, unix.SCHED_NORMAL, no},
		unix.SYS_SOCKET:             {unix.AF_INET, no},
	}
	for n, args := range older() {
		special[n] = args
	}
	if args, ok := special[number]; ok {
		return args
	}
	return [6]uintptr{no, no, no, no, no, no}
}
