package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A found path is the line of one file or directory. What is below /proc/self
// is shown there, whatever the process's number is; numbers of threads and
// descriptors are shown as "*", other processes as "/proc/other".
type found struct {
	Kind  string `json:"kind"`
	Path  string `json:"path"`
	Read  bool   `json:"read"`  // opened for reading; for a directory, listed
	Write bool   `json:"write"` // opened for writing; for a directory, a file was made in it
	Exec  bool   `json:"exec"`  // executed
	Dir   bool   `json:"dir"`
}

// A walker looks at every path once.
type walker struct {
	runner  *runner
	memory  *memory
	report  func(any)
	number  *regexp.Regexp
	process string
	seen    map[string]bool
	// visited are directories by device and inode: a tree that is mounted
	// twice is looked at once.
	visited map[[2]uint64]bool
	execute bool
}

// endTime is longer than the processes of earlier attempts take to end. The probe cannot
// wait for them where wait4(2) is denied.
const endTime = time.Second

func walk(r *runner, m *memory, directories []string, report func(any)) {
	w := &walker{r, m, report, regexp.MustCompile(`/[0-9]+(-[0-9a-f]+)?\b|/[0-9a-f]+-[0-9a-f]+$`), "/proc/" + strconv.Itoa(os.Getpid()), map[string]bool{}, map[[2]uint64]bool{}, slices.Contains(directories, "/")}
	for _, dir := range directories {
		w.visitDir(dir)
	}
}

// shown is the name under which a path is reported.
func (w *walker) shown(path string) string {
	if rest, ok := strings.CutPrefix(path, w.process); ok && (rest == "" || rest[0] == '/') {
		return "/proc/self" + w.number.ReplaceAllString(rest, "/*")
	}
	if strings.HasPrefix(path, "/proc/") && path[6] >= '0' && path[6] <= '9' {
		return w.number.ReplaceAllString("/proc/other"+strings.TrimLeft(path[6:], "0123456789"), "/*")
	}
	return path
}

func (w *walker) visitDir(path string) {
	var s unix.Stat_t
	err := unix.Stat(path, &s)
	if err == syscall.ENOENT || err == syscall.ESRCH {
		return // it was a process of the probe's own, and is gone
	}
	if err == nil {
		if id := [2]uint64{s.Dev, s.Ino}; w.visited[id] {
			return
		} else {
			w.visited[id] = true
		}
	}
	if path == "/proc" {
		time.Sleep(endTime) // or the probe would report them as other processes
	}
	entries, err := os.ReadDir(path)
	w.emit(found{Path: w.shown(path), Dir: true, Read: err == nil, Write: w.canCreateIn(path)})
	for _, e := range entries {
		child := filepath.Join(path, e.Name())
		if w.seen[w.shown(child)] {
			continue
		}
		w.seen[w.shown(child)] = true
		if e.IsDir() {
			w.visitDir(child)
			continue
		}
		w.visitFile(child, e)
	}
}

func (w *walker) visitFile(path string, e fs.DirEntry) {
	if e.Type()&fs.ModeSymlink != 0 && !strings.HasPrefix(path, "/proc/") {
		return // what it points to is seen by itself, or is not there
	}
	w.emit(found{Path: w.shown(path), Read: canOpen(path, unix.O_RDONLY), Write: canOpen(path, unix.O_WRONLY), Exec: w.canExecute(path, e)})
}

func (w *walker) emit(f found) {
	f.Kind = "path"
	w.report(f)
}

// canOpen opens a path without blocking, and changes nothing.
func canOpen(path string, how int) bool {
	fd, err := unix.Open(path, how|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

// canCreateIn makes a file in a directory and removes it.
func (w *walker) canCreateIn(dir string) bool {
	path := filepath.Join(dir, "planted")
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return false
	}
	unix.Close(fd)
	unix.Unlinkat(unix.AT_FDCWD, path, 0)
	return true
}

// canExecute executes files that may be programs.
func (w *walker) canExecute(path string, e fs.DirEntry) bool {
	if !w.execute || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") || !e.Type().IsRegular() {
		return false
	}
	argv := w.memory.pointers(filepath.Base(path), noop)
	o := w.runner.run([]step{w.memory.call(unix.SYS_EXECVE, path, argv, []uintptr{0})}, programTime)
	return o.ended == died || o.ended == blocked || o.ended == failed && o.errno == syscall.ENOEXEC
}
