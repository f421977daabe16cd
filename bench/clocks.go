package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc/stat and /proc/PID/stat. It is 100 Hz
// for user space on every Linux architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// clocks is the CPU time that was used up to one moment.
type clocks struct {
	wall    time.Time
	server  time.Duration // by the server
	clients time.Duration // by this program, and by clients that it has waited for
	system  time.Duration // by all programs, on the two cores of the measurement
}

func readClocks(s *server) (clocks, error) {
	server, err := serverTime(s)
	if err != nil {
		return clocks{}, fmt.Errorf("%s: %w", s.name, err)
	}
	system, err := systemTime()
	return clocks{wall: time.Now(), server: server, clients: clientTime(), system: system}, err
}

// serverTime returns the CPU time of a server. It reads again if a process has ended
// meanwhile: that process could be missing both among those that run and in the time of
// its parent's ended children.
func serverTime(s *server) (time.Duration, error) {
	pids := s.pids()
	for {
		sum, err := processTime(pids)
		now := s.pids()
		if err != nil || slices.Equal(now, pids) {
			return sum, err
		}
		pids = now
	}
}

// since returns what was used since the earlier clocks.
func (c clocks) since(earlier clocks) usage {
	return usage{c.wall.Sub(earlier.wall), c.server - earlier.server, c.clients - earlier.clients, c.system - earlier.system}
}

// A usage is the CPU time that was used in some time; its fields are those of clocks.
type usage struct{ wall, server, clients, system time.Duration }

func (u usage) plus(v usage) usage {
	return usage{u.wall + v.wall, u.server + v.server, u.clients + v.clients, u.system + v.system}
}

// others is the CPU time that programs other than the server and its clients used, as
// a share of one core.
func (u usage) others() float64 {
	return max(0, (u.system-u.server-u.clients).Seconds()/u.wall.Seconds())
}

// processTime returns the CPU time of processes: of their threads in
// nanoseconds (schedstat, Documentation/scheduler/sched-stats.rst of the kernel),
// and of children that have ended in clock ticks (cutime and cstime of
// proc_pid_stat(5)).
func processTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, file := range tasks {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // the thread has ended
			}
			running, _, _ := strings.Cut(string(text), " ")
			ns, err := strconv.ParseInt(running, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", file, err)
			}
			sum += time.Duration(ns)
		}
		sum += endedChildren(pid)
	}
	if sum == 0 {
		return 0, errors.New("the server has no process")
	}
	return sum, nil
}

func endedChildren(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // the process has ended
	}
	// The second field, in parentheses, may contain spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const cutime, cstime = 16 - 3, 17 - 3
	if len(fields) <= cstime {
		return 0
	}
	user, _ := strconv.ParseInt(fields[cutime], 10, 64)
	system, _ := strconv.ParseInt(fields[cstime], 10, 64)
	return time.Duration(user+system) * clockTick
}

// clientTime returns the CPU time of this program and of its children that have
// ended.
func clientTime() time.Duration {
	var sum time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			panic(err) // it fails on wrong arguments only
		}
		sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return sum
}

// systemTime returns the time in which the two cores of the measurement worked
// for programs, or another guest of the same host had them (proc_stat(5)).
// Interrupts are left out: the kernel counts them for the program that they
// interrupt too.
func systemTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || (fields[0] != "cpu"+serverCore && fields[0] != "cpu"+clientCore) {
			continue
		}
		const user, nice, system, steal = 1, 2, 3, 8
		for _, field := range []int{user, nice, system, steal} {
			ticks, err := strconv.ParseInt(fields[field], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/stat: %w", err)
			}
			sum += time.Duration(ticks) * clockTick
		}
	}
	return sum, nil
}
