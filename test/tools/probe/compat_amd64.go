package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// modifyLDT answers ENOSYS unless it is asked for something.
const modifyLDT = unix.SYS_MODIFY_LDT

// int80 makes a 32-bit system call.
//
//go:noescape
func int80(number, a, b, c uintptr) (result uintptr)

//go:nosplit
func compat(number, a, b, c uintptr) (uintptr, syscall.Errno) {
	// Results are 32 bits wide; the highest 4095 values are errors.
	r := uint32(int80(number, a, b, c))
	if r > 0xfffff000 {
		return 0, syscall.Errno(-r)
	}
	return uintptr(r), 0
}

// foreign are system calls of other architectures that the kernel may take:
// getpid(2) of i386, by int 0x80, and of x32.
func foreign() []attempt {
	return []attempt{
		steps("syscall-i386", "make a 32-bit system call, which other rules may hold for", step{number: 20, compat: true}),
		steps("syscall-x32", "make an x32 system call, which other rules may hold for", step{number: 0x40000000 | syscall.SYS_GETPID}),
		steps("io-privilege", "use input and output instructions by iopl(2)", step{number: unix.SYS_IOPL, args: [6]uintptr{3}}),
		steps("io-ports", "use an input and output port by ioperm(2)", step{number: unix.SYS_IOPERM, args: [6]uintptr{0x80, 1, 1}}),
		steps("segments", "change the segment table by modify_ldt(2)", step{number: unix.SYS_MODIFY_LDT}),
	}
}

// older are the arguments of calls that only this architecture has.
func older() map[uintptr][6]uintptr {
	const no = ^uintptr(0)
	return map[uintptr][6]uintptr{unix.SYS_OPEN: {no}, unix.SYS_CREAT: {no}, unix.SYS_MKDIR: {no}, unix.SYS_MKNOD: {no}, unix.SYS_CHMOD: {no}}
}
