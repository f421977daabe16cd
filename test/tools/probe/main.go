// Probe tries, from inside a sandbox, what an intruder would try. It takes the
// command line of foobar, so that it can replace foobar in the installed unit.
// It notifies systemd that it is ready, writes one line of JSON for each attempt
// to probe.jsonl in the state directory, ends the file with {"kind":"end"} and
// waits to be stopped.
//
// Without -data it writes to standard output:
//
//	go run ./test/tools/probe
//
// With -only it leaves out a part; with syscalls alone, it does not wait.
// Read attempt.go first; child.go runs an attempt in a process of its own.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noop is the argument with which a probe exits at once: an attempt has executed
// it.
const noop = "-noop"

// A target is the sandbox as the probe knows it: paths and inherited sockets.
type target struct {
	self        string // path of its binary
	program     []byte // its binary
	data        string
	config      string
	credentials string
	sockets     []socket
	parts       []string // what to try: syscalls, attempts, paths
	walked      []string // directories
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
	if ownsMachine() {
		return errors.New("it has root's capabilities on this machine, and would unmount and change what it can: run it in a sandbox or as another user")
	}
	var t target
	var cert, data, only, directories string
	flag.StringVar(&t.config, "config", "/etc/foobar/conf.yaml", "the service's configuration")
	flag.StringVar(&data, "data", "", "the state directory")
	flag.StringVar(&cert, "cert", "/run/credentials/foobar.service/cert", "a file in the credentials' directory")
	flag.String("key", "", "ignored")
	flag.String("token", "", "ignored")
	flag.String("client-ca", "", "ignored")
	flag.String("memory-max", "", "ignored")
	flag.StringVar(&only, "only", "syscalls,attempts,paths", "what to try")
	flag.StringVar(&directories, "walk", "/", "where to look at every path; elsewhere than in / without executing files")
	flag.Parse()
	t.parts, t.walked = strings.Split(only, ","), strings.Split(directories, ",")
	t.credentials = filepath.Dir(cert)
	t.data = cmp.Or(data, "/var/lib/foobar")
	t.sockets = sockets(os.Getenv("LISTEN_FDNAMES"))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	t.notify("READY=1\nSTATUS=Probing")

	out, err := output(data)
	if err != nil {
		return err
	}
	if err := t.probe(out); err != nil {
		return err
	}
	if only == "syscalls" {
		return nil
	}
	t.notify("STATUS=Probed")
	t.wait(stop)
	return nil
}

// ownsMachine reports whether the process has CAP_SYS_ADMIN and every user of the
// machine in its user namespace, so that attempts would not fail but do what they say.
func ownsMachine() bool {
	var c [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &c[0]); err != nil {
		return false
	}
	users, err := os.ReadFile("/proc/self/uid_map")
	whole := err != nil || slices.Equal(strings.Fields(string(users)), []string{"0", "0", "4294967295"})
	return c[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0 && whole
}

func output(data string) (io.Writer, error) {
	if data == "" {
		return os.Stdout, nil
	}
	return os.Create(filepath.Join(data, "probe.jsonl"))
}

// probe makes all attempts.
func (t *target) probe(out io.Writer) (err error) {
	encoder := json.NewEncoder(out)
	report := func(line any) {
		if e := encoder.Encode(line); e != nil && err == nil {
			err = fmt.Errorf("report: %w", e)
		}
	}
	r := newRunner()
	m := &memory{}
	if slices.Contains(t.parts, "syscalls") {
		trySyscalls(r, report)
	}
	if slices.Contains(t.parts, "attempts") {
		if e := t.prepare(); e != nil {
			return e
		}
		for _, a := range m.attempts(*t) {
			report(a.verdict(r))
			t.notify("WATCHDOG=1")
		}
	}
	if slices.Contains(t.parts, "paths") {
		walk(r, m, t.walked, report)
	}
	report(struct {
		Kind string `json:"kind"`
	}{"end"})
	return err
}

func (t *target) prepare() (err error) {
	t.self = os.Args[0]
	t.program, err = os.ReadFile(t.self)
	return err
}

func (m *memory) attempts(t target) []attempt {
	var all []attempt
	for _, some := range [][]attempt{
		m.fileAttempts(t), m.programAttempts(t), m.processAttempts(t), m.namespaceAttempts(), m.mountAttempts(t), m.kernelAttempts(), m.leakAttempts(t), m.networkAttempts(t),
	} {
		all = append(all, some...)
	}
	return all
}

// sockets returns what sd_listen_fds_with_names(3) does, without a look at
// $LISTEN_PID.
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
func (t *target) notify(message string) {
	for _, s := range t.sockets {
		if s.name == "notify" {
			unix.Write(s.fd, []byte(message))
		}
	}
}

// wait sends watchdog pings until systemd stops the unit.
func (t *target) wait(stop <-chan os.Signal) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			t.notify("WATCHDOG=1")
		}
	}
}
