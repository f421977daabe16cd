//go:build !amd64

package main

import "syscall"

// modifyLDT is a system call of another architecture.
const modifyLDT = 1 << 30

//go:nosplit
func compat(_, _, _, _ uintptr) (uintptr, syscall.Errno) { return 0, syscall.ENOSYS }

// foreign is empty: the 32-bit entry of arm64 cannot be reached from 64-bit code.
func foreign() []attempt { return nil }

func older() map[uintptr][6]uintptr { return nil }
