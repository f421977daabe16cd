package main

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An attempt is one action of an intruder.
type attempt struct {
	name, what string
	steps      []step
	// try is set for an attempt that is not a sequence of system calls.
	try func() error
	// replaced marks an attempt whose last step does not return if it succeeds,
	// such as execve(2).
	replaced bool
	// successErrnos lists errors that show that the kernel has allowed the attempt.
	successErrnos []syscall.Errno
	// blocking means that not returning is success.
	blocking bool
}

// A verdict is the line that an attempt makes.
type verdict struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	What    string `json:"what"`
	Allowed bool   `json:"allowed"`
	Errno   string `json:"errno,omitempty"`
}

func (a *attempt) verdict(r *runner) verdict {
	v := verdict{Kind: "attempt", Name: a.name, What: a.what}
	if a.try != nil {
		err := a.try()
		v.Allowed, v.Errno = err == nil, errorName(err)
		return v
	}
	limit := stepTime
	if a.replaced {
		limit = programTime
	}
	o := r.run(a.steps, limit)
	last := o.step == len(a.steps)-1
	switch o.ended {
	case returned:
		v.Allowed = !a.replaced
	case failed:
		v.Errno = errnoName(o.errno)
		for _, e := range a.successErrnos {
			v.Allowed = v.Allowed || last && o.errno == e
		}
	case died:
		v.Allowed = a.replaced && last
		if !v.Allowed {
			v.Errno = "killed"
		}
	case blocked:
		v.Allowed, v.Errno = a.blocking && last, "blocked"
	case noFork:
		v.Errno = "no child: " + errnoName(o.errno)
	}
	return v
}

// steps makes an attempt that works if all its steps do.
func steps(name, what string, s ...step) attempt {
	return attempt{name: name, what: what, steps: s}
}

// single makes an attempt of a single system call.
func (m *memory) single(name, what string, number uintptr, args ...any) attempt {
	return steps(name, what, m.call(number, args...))
}

// try makes an attempt of Go code.
func try(name, what string, f func() error) attempt {
	return attempt{name: name, what: what, try: f}
}

// replacesProcess marks an attempt whose last step replaces the process.
func (a attempt) replacesProcess() attempt {
	a.replaced = true
	return a
}

// orErrno adds errors that mean success.
func (a attempt) orErrno(e ...syscall.Errno) attempt {
	a.successErrnos = append(a.successErrnos, e...)
	return a
}

// A result stands for what an earlier step, counted from zero, returned.
type result int

// memory keeps what steps point to.
type memory struct {
	kept []any
}

// call makes a step. An argument is a number, a string (ended by a zero byte
// for the kernel), bytes, a pointer, or the result of an earlier step.
func (m *memory) call(number uintptr, args ...any) step {
	s := step{number: number}
	for i, arg := range args {
		switch v := arg.(type) {
		case int:
			s.args[i] = uintptr(v)
		case uint64:
			s.args[i] = uintptr(v)
		case uintptr:
			s.args[i] = v
		case string:
			s.args[i] = m.bytes(append([]byte(v), 0))
		case []byte:
			s.args[i] = m.bytes(v)
		case []uintptr:
			m.kept = append(m.kept, v)
			s.args[i] = uintptr(unsafe.Pointer(unsafe.SliceData(v)))
		case result:
			s.from[i] = uintptr(v) + 1
		default:
			panic(fmt.Errorf("argument of type %T", arg))
		}
	}
	return s
}

func (m *memory) bytes(b []byte) uintptr {
	m.kept = append(m.kept, b)
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))
}

// pointers makes an array for execve(2) from strings.
func (m *memory) pointers(values ...string) []uintptr {
	var p []uintptr
	for _, v := range values {
		p = append(p, m.bytes(append([]byte(v), 0)))
	}
	return append(p, 0)
}

// words makes a structure of 64-bit words in memory.
func words(values ...uint64) []byte {
	b := make([]byte, 0, 8*len(values))
	for _, v := range values {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
	}
	return b
}

func errorName(err error) string {
	var e syscall.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return errnoName(e)
	default:
		return err.Error()
	}
}

func errnoName(e syscall.Errno) string {
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(e))
}
