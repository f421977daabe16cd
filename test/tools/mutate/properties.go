package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// printProperties prints what does not depend on the machine of the properties of a
// unit's process, of what systemd has in force of each directive and of the other
// settings named, and which of the calls the process may make. The process is the one
// that runs, or, if replaced is set, one that waits in the place of the unit's own.
func printProperties(name string, replaced bool, settings, calls []string) (err error) {
	s, err := findSubject(name)
	if err != nil {
		return err
	}
	u, err := s.read()
	if err != nil {
		return err
	}
	s.names = append(s.names, settings...)
	if s.calls, err = numbers(calls); err != nil {
		return err
	}
	pid, err := s.pid()
	if err == nil && replaced {
		defer func() { err = errors.Join(err, s.removeReplacement()) }()
		pid, err = s.startReplacement()
	}
	if err != nil {
		return err
	}
	found, err := s.collect(pid, u.has("RootDirectory"))
	for _, p := range found {
		if !dependsOnMachine(p) {
			fmt.Println(p)
		}
	}
	return err
}

// collect returns the properties of a process of the unit, sorted. Without a root
// directory of its own, the process has all mounts of the machine, so that those of
// some directories stand for them.
func (s subject) collect(pid int, rooted bool) ([]string, error) {
	all, err := properties(pid)
	if err != nil {
		return nil, err
	}
	if !rooted {
		all = slices.DeleteFunc(all, func(p string) bool { return strings.HasPrefix(p, "mount ") })
		all = append(all, directories(fmt.Sprintf("/proc/%d/root", pid))...)
	}
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	allowed, err := s.allowedCalls(pid)
	if err != nil {
		return nil, err
	}
	for _, name := range allowed {
		all = append(all, "call "+name)
	}
	all = append(all, settings...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// dependsOnMachine reports whether a property is the machine's: a limit that
// the unit does not set or that the machine has set lower, or a control group's
// setting, for which it may lack the controller. SystemCallFilter= is compared
// with the traced calls by TestSystemCalls.
func dependsOnMachine(property string) bool {
	switch kind, rest, _ := strings.Cut(property, " "); kind {
	case "limit":
		return !strings.HasPrefix(rest, "Max core file size") && !strings.HasPrefix(rest, "Max realtime priority")
	case "control":
		return true
	case "environment": // of a unit that OnFailure= or OnSuccess= has once started
		return strings.HasPrefix(rest, "MONITOR_")
	case "setting":
		return strings.HasPrefix(rest, "SystemCallFilter=")
	}
	return false
}

// directories returns how directories below root are mounted, statfs(2).
func directories(root string) []string {
	flags := []struct {
		bit  int64
		name string
	}{{1, "ro"}, {2, "nosuid"}, {4, "nodev"}, {8, "noexec"}}
	var found []string
	for _, dir := range []string{"/", "/dev", "/dev/shm", "/etc", "/home", "/proc", "/proc/sys", "/root", "/run", "/run/systemd/system", "/sys", "/sys/fs/cgroup", "/tmp", "/usr", "/var", "/var/tmp"} {
		var s syscall.Statfs_t
		if err := syscall.Statfs(root+dir, &s); err != nil {
			found = append(found, "directory "+dir+" "+err.Error())
			continue
		}
		shown := "directory " + dir
		for _, f := range flags {
			if int64(s.Flags)&f.bit != 0 {
				shown += " " + f.name
			}
		}
		found = append(found, shown)
	}
	return found
}
