// Probe tries, from inside a sandbox, what an intruder would try. It takes the
// command line of foobar, so that it can stand in for it in the installed
// unit: it tells systemd that it is ready, writes one line of JSON for each
// thing that it tried to probe.jsonl in the state directory, ends that with
// the line {"kind":"end"} and then waits to be stopped.
//
// Without -data it writes to standard output. With -syscalls it tries system
// call numbers alone, and ends.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noop is the argument of a probe that was only to be executed.
const noop = "-noop"

// A target is what the probe knows of where it is.
type target struct {
	self        string // path of its binary
	program     []byte // its binary
	data        string
	config      string
	credentials string
	sockets     []socket
}

// A socket is one that systemd handed over.
type socket struct {
	name string
	fd   int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == noop {
		os.Exit(0)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run() error {
	var w target
	var syscalls bool
	var cert, data string
	flag.StringVar(&w.config, "config", "/etc/foobar/conf.yaml", "the service's configuration")
	flag.StringVar(&data, "data", "", "the state directory")
	flag.StringVar(&cert, "cert", "/run/credentials/foobar.service/cert", "a file in the credentials' directory")
	flag.String("key", "", "ignored")
	flag.String("token", "", "ignored")
	flag.String("client-ca", "", "ignored")
	flag.BoolVar(&syscalls, "syscalls", false, "try system call numbers alone")
	flag.Parse()
	w.credentials = filepath.Dir(cert)
	w.data = cmp.Or(data, "/var/lib/foobar")
	w.sockets = sockets(os.Getenv("LISTEN_FDNAMES"))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	w.notify("READY=1\nSTATUS=Probing")

	out, err := output(data)
	if err != nil {
		return err
	}
	if err := w.probe(out, syscalls); err != nil {
		return err
	}
	if syscalls {
		return nil
	}
	w.notify("STATUS=Probed")
	w.wait(stop)
	return nil
}

func output(data string) (io.Writer, error) {
	if data == "" {
		return os.Stdout, nil
	}
	return os.Create(filepath.Join(data, "probe.jsonl"))
}

// probe tries everything.
func (w *target) probe(out io.Writer, syscallsAlone bool) (err error) {
	encoder := json.NewEncoder(out)
	report := func(line any) {
		if e := encoder.Encode(line); e != nil && err == nil {
			err = fmt.Errorf("report: %w", e)
		}
	}
	r := newRunner()
	trySyscalls(r, report)
	if !syscallsAlone {
		if e := w.prepare(); e != nil {
			return e
		}
		m := &memory{}
		for _, a := range m.attempts(*w) {
			report(a.verdict(r))
			w.notify("WATCHDOG=1")
		}
		walk(r, m, report)
	}
	report(struct {
		Kind string `json:"kind"`
	}{"end"})
	return err
}

func (w *target) prepare() (err error) {
	w.self = os.Args[0]
	w.program, err = os.ReadFile(w.self)
	return err
}

func (m *memory) attempts(w target) []attempt {
	var all []attempt
	for _, some := range [][]attempt{
		m.fileAttempts(w), m.programAttempts(w), m.processAttempts(w), m.namespaceAttempts(), m.mountAttempts(w), m.kernelAttempts(), m.networkAttempts(w),
	} {
		all = append(all, some...)
	}
	return all
}

// sockets returns what sd_listen_fds_with_names(3) would. $LISTEN_PID is not
// looked at: some versions of systemd set another number in a process
// namespace.
func sockets(names string) []socket {
	if names == "" {
		return nil
	}
	var list []socket
	for i, name := range strings.Split(names, ":") {
		list = append(list, socket{name, 3 + i})
	}
	return list
}

// notify sends a message as sd_notify(3) does, by the inherited socket.
func (w *target) notify(message string) {
	for _, s := range w.sockets {
		if s.name == "notify" {
			unix.Write(s.fd, []byte(message))
		}
	}
}

// wait keeps the watchdog content until systemd stops the unit.
func (w *target) wait(stop <-chan os.Signal) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			w.notify("WATCHDOG=1")
		}
	}
}
