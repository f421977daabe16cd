package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// properties returns what can be seen of a process from outside, a line for
// each property, sorted.
func properties(pid int) ([]string, error) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	var all []string
	for _, read := range []func(string) ([]string, error){environment, limits, status, maps, namespaces, mounts, links, controls} {
		some, err := read(proc)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// changing matches the variables whose value is new with each start.
var changing = regexp.MustCompile(`^(INVOCATION_ID|JOURNAL_STREAM|LISTEN_PID|LISTEN_PIDFDID|SYSTEMD_EXEC_PID|WATCHDOG_PID|MAINPID|MANAGERPID|MANAGERPIDFDID)=.*`)

func environment(proc string) ([]string, error) {
	text, err := os.ReadFile(proc + "environ")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, variable := range strings.Split(strings.Trim(string(text), "\x00"), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		if name == "LISTEN_FDNAMES" { // in no order
			names := strings.Split(value, ":")
			slices.Sort(names)
			variable = name + "=" + strings.Join(names, ":")
		}
		found = append(found, "environment "+changing.ReplaceAllString(variable, "$1"))
	}
	return found, nil
}

func limits(proc string) ([]string, error) {
	return eachLine(proc+"limits", func(line string) string {
		if strings.HasPrefix(line, "Limit") {
			return ""
		}
		return "limit " + strings.Join(strings.Fields(line), " ")
	})
}

// shown names fields of proc_pid_status(5).
var shown = []string{"Umask", "NoNewPrivs", "Seccomp", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}

func status(proc string) ([]string, error) {
	return eachLine(proc+"status", func(line string) string {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case slices.Contains(shown, name):
			return "status " + name + ": " + fields[0]
		case name == "Uid":
			return "status Uid: " + whose(fields[0])
		case name == "Groups":
			return fmt.Sprintf("status Groups: %d", len(fields))
		}
		return ""
	})
}

// whose says to what a user number belongs: systemd takes numbers from a range
// for DynamicUser=.
func whose(uid string) string {
	n, err := strconv.Atoi(uid)
	switch {
	case err == nil && n == 0:
		return "root"
	case err == nil && n >= 61184 && n <= 65519:
		return "dynamic"
	}
	return "a user"
}

// maps returns how many ranges of users are mapped.
func maps(proc string) ([]string, error) {
	text, err := os.ReadFile(proc + "uid_map")
	if err != nil {
		return nil, err
	}
	if fields := strings.Fields(string(text)); len(fields) == 3 && fields[2] == "4294967295" {
		return []string{"users all mapped"}, nil
	}
	return []string{fmt.Sprintf("users %d mapped", strings.Count(string(text), "\n"))}, nil
}

// namespaces returns which namespaces are not those of process 1.
func namespaces(proc string) ([]string, error) {
	var found []string
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		its, err := os.Readlink(proc + "ns/" + name)
		if err != nil {
			return nil, err
		}
		machines, err := os.Readlink("/proc/1/ns/" + name)
		if err != nil {
			return nil, err
		}
		if its != machines {
			found = append(found, "namespace "+name)
		}
	}
	return found, nil
}

var processNumber = regexp.MustCompile(`^/proc/\d+`)

func mounts(proc string) ([]string, error) {
	return eachLine(proc+"mountinfo", func(line string) string {
		fields := strings.Fields(line) // proc_pid_mountinfo(5)
		var flags []string
		for flag := range strings.SplitSeq(fields[5], ",") {
			if !strings.HasSuffix(flag, "atime") && !strings.HasPrefix(flag, "idmapped") {
				flags = append(flags, flag)
			}
		}
		return "mount " + processNumber.ReplaceAllString(fields[4], "/proc/PID") + " " + strings.Join(flags, ",")
	})
}

// links returns the working directory, which files standard input and output are, the
// credentials and the mode of the state directory.
func links(proc string) ([]string, error) {
	var found []string
	for _, name := range []string{"cwd", "fd/0", "fd/1", "fd/2"} {
		to, err := os.Readlink(proc + name)
		if err != nil || !strings.HasPrefix(to, "/") {
			continue // it may be closed, or a socket
		}
		found = append(found, name+" "+to)
	}
	credentials, err := filepath.Glob(proc + "root/run/credentials/*/*")
	for _, path := range credentials {
		found = append(found, "credential "+filepath.Base(path))
	}
	var s syscall.Stat_t
	if syscall.Stat(proc+"root/var/lib/foobar", &s) == nil {
		found = append(found, fmt.Sprintf("state directory %o, of %s", s.Mode&0o7777, whose(strconv.Itoa(int(s.Uid)))))
	}
	return found, err
}

// controls returns the settings of the control group that are not the kernel's
// own, where the machine has the controllers.
func controls(proc string) ([]string, error) {
	path, err := eachLine(proc+"cgroup", func(line string) string { return strings.TrimPrefix(line, "0::") })
	if err != nil || len(path) == 0 {
		return nil, err
	}
	var found []string
	for _, name := range []string{"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.weight", "io.weight"} {
		value, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", path[len(path)-1], name))
		if err == nil {
			found = append(found, "control "+name+" "+strings.TrimSpace(string(value)))
		}
	}
	return found, nil
}

// eachLine returns what show makes of the lines of a file, without "".
func eachLine(path string, show func(string) string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if s := show(strings.TrimSuffix(line, "\n")); s != "" {
			found = append(found, s)
		}
	}
	return found, nil
}
