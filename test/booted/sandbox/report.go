// Package sandbox judges what test/tools/probe found in a sandbox, and puts it into
// docs/sandbox.md.
package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Report is what a probe found.
type Report struct {
	Attempts []Attempt
	Paths    []Path
	Syscalls []Syscall
}

// An Attempt is one thing that the probe tried.
type Attempt struct {
	Name, What string
	Allowed    bool
	Errno      string
}

// A Path is one file or directory that the probe came across.
type Path struct {
	Path                   string
	Read, Write, Exec, Dir bool
}

// A Syscall is what came of calling one number. Result is the error's name, ""
// for none, "killed" or "blocked".
type Syscall struct {
	Number    int
	Arguments [6]uint64
	Result    string
}

// Parse reads the lines that a probe wrote, which must be complete.
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

// The questions that Where is asked.
func Readable(p Path) bool     { return p.Read }
func Writable(p Path) bool     { return p.Write }
func Executable(p Path) bool   { return p.Exec }
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
