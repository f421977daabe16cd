// Systrace counts the system calls that foobar makes. It traces a command and
// every process that the command starts, in machines too, and counts the calls
// of those processes that run foobar as foobar.service does, and of the processes
// that they start:
//
//	go run ./test/tools/systrace go test -tags testbed -count=1 ./test/booted
//
// or the machine whose first process has the number PID, until a signal comes:
//
//	go run ./test/tools/systrace -p PID
//
// With -program it counts other programs, each on its own if there are several. A line
// is a call's name, how often it was made, the errors that it returned, the
// architectures that do not have it, and the program if there are several. With -json it
// is an object.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"foobar/test/tools/systrace/table"
)

func main() {
	var programs []string
	flag.Func("program", "beginning of the command line of the processes to count; may be repeated (default \"/bin/foobar -config\")", func(value string) error {
		programs = append(programs, value)
		return nil
	})
	pid := flag.Int("p", 0, "trace the process with this number")
	asJSON := flag.Bool("json", false, "print JSON")
	raw := flag.Bool("raw", false, "print no names: they take Go and its module cache")
	output := flag.String("o", "", "file to write to instead of standard output")
	flag.Parse()
	if len(programs) == 0 {
		programs = []string{"/bin/foobar -config"}
	}
	t := newTracer(programs)
	err := t.follow(*pid, flag.Args())
	if e := report(t.summary(), *raw, *asJSON, *output); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "systrace:", err)
		os.Exit(1)
	}
}

func (t *tracer) follow(pid int, command []string) error {
	runtime.LockOSThread()
	if pid != 0 {
		return t.attach(pid)
	}
	if len(command) == 0 {
		return errors.New("give a command, or -p PID")
	}
	return t.command(command)
}

// attach traces a process until a signal comes. Traced processes continue when
// the tracer exits.
func (t *tracer) attach(pid int) error {
	if err := t.seize(pid); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "following")
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	var end atomic.Bool
	go func() {
		<-interrupted
		end.Store(true)
		// wait4(2) is restarted after a signal, and returns for a child.
		if _, err := syscall.ForkExec("/proc/self/exe", []string{"systrace", "-h"}, nil); err != nil {
			panic(err)
		}
	}()
	return t.run(end.Load)
}

func (t *tracer) command(args []string) error {
	// The shell stops itself until it is traced.
	cmd := exec.Command("/bin/sh", append([]string{"-c", `kill -STOP $$; exec "$@"`, "sh"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		return err
	}
	if err := t.seize(cmd.Process.Pid); err != nil {
		return err
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return err
	}
	return t.run(func() bool { return false })
}

// A Summary counts one system call of one program.
type Summary struct {
	Program string         `json:"program,omitempty"` // if there are several
	Name    string         `json:"name"`
	Number  int            `json:"number"`
	Count   int            `json:"count"`
	Errors  map[string]int `json:"errors,omitempty"`
	Missing []string       `json:"missing_on,omitempty"` // architectures
}

func (t *tracer) summary() []Summary {
	byCall := map[call]*Summary{} // without errors
	for c, n := range t.calls {
		key := call{program: c.program, number: c.number}
		s := byCall[key]
		if s == nil {
			s = &Summary{Number: c.number, Errors: map[string]int{}}
			if len(t.programs) > 1 {
				s.Program = c.program
			}
			byCall[key] = s
		}
		s.Count += n
		if c.errno != 0 {
			s.Errors[unix.ErrnoName(c.errno)] += n
		}
	}
	var all []Summary
	for _, s := range byCall {
		all = append(all, *s)
	}
	return all
}

func report(all []Summary, raw, asJSON bool, path string) error {
	if !raw {
		if err := addNames(all); err != nil {
			return err
		}
	}
	slices.SortFunc(all, func(a, b Summary) int {
		return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Name, b.Name))
	})
	var out io.Writer = os.Stdout
	if path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	if asJSON {
		return json.NewEncoder(out).Encode(all)
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(out, "%-16s %8d%s\n", s.Name, s.Count, s.notes()); err != nil {
			return err
		}
	}
	return nil
}

func addNames(all []Summary) error {
	tables, err := table.Load()
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Name = tables.Name(runtime.GOARCH, all[i].Number)
		all[i].Missing = tables.MissingOn(all[i].Name)
	}
	return nil
}

func (s Summary) notes() string {
	var b strings.Builder
	names := make([]string, 0, len(s.Errors))
	for name := range s.Errors {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s:%d", name, s.Errors[name])
	}
	for _, arch := range s.Missing {
		fmt.Fprintf(&b, " (not on %s)", arch)
	}
	if s.Program != "" {
		fmt.Fprintf(&b, " of %s", s.Program)
	}
	return b.String()
}
