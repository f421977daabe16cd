// Package sandbox compares what test/tools/probe has found in a sandbox with what
// may be there, and writes docs/sandbox.md. The lists with the reasons are
// the .txt files: allowed.txt and paths.txt for foobar.service, and files with what the
// packages and services beside it add.
// Read lists.go first; filter.go runs seccomp filters, and knows no other form
// than libseccomp's.
package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Report is what one run of the probe has found.
type Report struct {
	Attempts []Attempt
	Paths    []Path
	Syscalls []Syscall
}

// An Attempt is one action that the probe has tried.
type Attempt struct {
	Name, What string
	Allowed    bool
	Errno      string
}

// A Path is one file or directory that the probe has found.
type Path struct {
	Path                   string
	Read, Write, Exec, Dir bool
}

// A Syscall is the outcome of calling one number. Result is the error's name, ""
// for none, "killed" or "blocked".
type Syscall struct {
	Number    int
	Arguments [6]uint64
	Result    string
}

// Parse reads a probe's report, which must be complete.
func Parse(lines string) (*Report, error) {
	r := &Report{}
	scanner := bufio.NewScanner(strings.NewReader(lines))
	for scanner.Scan() {
		var line struct {
			Kind string
			Attempt
			Path
			Number    int
			Arguments [6]uint64
			Result    string
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("probe: %q: %w", scanner.Text(), err)
		}
		switch line.Kind {
		case "attempt":
			r.Attempts = append(r.Attempts, line.Attempt)
		case "path":
			r.Paths = append(r.Paths, line.Path)
		case "syscall":
			r.Syscalls = append(r.Syscalls, Syscall{line.Number, line.Arguments, line.Result})
		case "end":
			return r, scanner.Err()
		default:
			return nil, fmt.Errorf("probe: a line of unknown kind %q", line.Kind)
		}
	}
	return nil, errors.Join(errors.New("probe: the report has no end"), scanner.Err())
}

// Succeeded returns the names of the attempts that succeeded.
func (r *Report) Succeeded() []string {
	var names []string
	for _, a := range r.Attempts {
		if a.Allowed {
			names = append(names, a.Name)
		}
	}
	return names
}

// Where returns the paths for which is is true.
func (r *Report) Where(is func(Path) bool) []string {
	var paths []string
	for _, p := range r.Paths {
		if is(p) {
			paths = append(paths, p.Path)
		}
	}
	return paths
}

// Readable is the condition for Where that a path can be read or listed.
func Readable(p Path) bool { return p.Read }

// Writable is the condition for Where that a path can be written.
func Writable(p Path) bool { return p.Write }

// Executable is the condition for Where that a file can be executed.
func Executable(p Path) bool { return p.Exec }

// ReadableFile is the condition for Where that a path is a file and can be read.
func ReadableFile(p Path) bool { return p.Read && !p.Dir }

// Below returns the paths that are dir or in it.
func Below(dir string, paths []string) []string {
	var below []string
	for _, p := range paths {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			below = append(below, p)
		}
	}
	return below
}
