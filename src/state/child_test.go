package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Tests that need a process to die run this test binary again as a child. It
// opens a store and says on its standard output, a line each, what it does. A
// line is written before the call it is about, or after the answer, so the order
// of the lines is one that real time allows.
const (
	childMode = "FOOBAR_STATE_CHILD"
	childDir  = "FOOBAR_STATE_DIR"
	childSeed = "FOOBAR_STATE_SEED"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childMode) {
	case "":
		os.Exit(m.Run())
	case "clients":
		clients(os.Getenv(childDir), number(os.Getenv(childSeed)))
	case "script":
		script(os.Getenv(childDir))
	case "recover":
		runtime.LockOSThread()
		say("Z %v", openSaid(os.Getenv(childDir)).closeStorage())
	case "plain":
		plain(os.Getenv(childDir), os.Getenv(childSeed))
	}
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func say(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

// payload makes data that tell their name and can be checked to be whole.
func payload(name string) []byte {
	h := fnv.New64a()
	io.WriteString(h, name)
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	size := random.IntN(2000)
	switch random.IntN(20) {
	case 0:
		size = inlineSize + random.IntN(50<<10) // does not fit a slot
	case 1, 2:
		size = random.IntN(60 << 10)
	}
	line := name + "\n"
	return []byte(strings.Repeat(line, size/len(line)+1))
}

// nameOf returns the name of the payload, "-" for no version, and what is wrong
// with it if it is not whole.
func nameOf(v *Version) string {
	if v == nil {
		return "-"
	}
	name, _, _ := strings.Cut(string(v.Data), "\n")
	if name == "" || string(v.Data) != string(payload(name)) {
		return fmt.Sprintf("torn:%.40q(%d)", v.Data, len(v.Data))
	}
	return name
}

// clients has several clients use a store until the process is killed.
func clients(dir string, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	lag := time.Duration(random.IntN(4000)+1) * time.Microsecond
	s, err := Open(Options{Dir: dir, CheckpointDelay: lag})
	if err != nil {
		say("F %v", err)
		os.Exit(1)
	}
	say("R %s", nameOf(s.Current()))
	var calls atomic.Int64
	var wg sync.WaitGroup
	for client := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(client)+2))
		wg.Go(func() {
			for one(s, client, calls.Add(1), seed, random) {
			}
		})
	}
	wg.Wait()
}

// one does one call and says so: C number client kind name expected, E number
// result. After an error it has no answer, and the client ends.
func one(s *Store, client int, call int64, seed uint64, random *rand.Rand) bool {
	if client < 2 {
		say("C %d %d get - -", call, client)
		say("E %d %s", call, nameOf(s.Current()))
		time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
		return true
	}
	name := fmt.Sprintf("%d-%d", seed, call)
	kind, expected, c := "put", "-", Condition{}
	switch random.IntN(4) {
	case 0:
		kind, c = "new", Condition{IfNoneMatch: []string{"*"}}
	case 1, 2:
		if v := s.Current(); v != nil {
			kind, expected, c = "swap", nameOf(v), Condition{IfMatch: []string{v.ETag}}
		}
	}
	say("C %d %d %s %s %s", call, client, kind, name, expected)
	_, err := s.Replace(context.Background(), c, payload(name))
	switch {
	case err == nil:
		say("E %d ok", call)
	case errors.Is(err, ErrPrecondition):
		say("E %d no", call)
	default:
		say("F %v", err)
		return false
	}
	return true
}

// plain writes without any care until the process is killed.
func plain(dir, seed string) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s-%d", seed, i)
		if err := os.WriteFile(filepath.Join(dir, FileName), payload(name), 0o600); err != nil {
			say("F %v", err)
			os.Exit(1)
		}
		say("A %s", name)
	}
}

// scripted are the versions that script writes, in their order, along every path
// that a write has.
var scripted = []struct {
	name  string
	large bool
	after string // "file": bring FileName up to date next; "stop": stop and open again
}{
	{"1", false, ""}, {"2", false, ""}, {"3", false, "file"}, {"4", true, ""}, {"5", false, ""},
	{"6", true, ""}, {"7", true, "stop"}, {"8", false, ""}, {"9", false, "file"}, {"10", false, ""},
}

// contents is the data of a scripted version.
func contents(name string) string {
	for _, v := range scripted {
		if v.name == name && v.large {
			return name + "\n" + strings.Repeat("large"+name, inlineSize/5)
		}
	}
	return name + "\n"
}

// script writes the scripted versions one after the other. It says R name after
// opening, A name when a write is answered and X name when it has failed, G name
// for the version that is then current, and Z error after closing.
//
// It does the committer's work itself, on one thread: strace(1) counts the calls
// of each thread apart.
func script(dir string) {
	runtime.LockOSThread()
	s := openSaid(dir)
	for _, v := range scripted {
		r := newPendingWrite(Condition{}, []byte(contents(v.name)))
		s.commitBatch([]*pendingWrite{r})
		if r.err != nil {
			say("X %s %v", v.name, r.err)
		} else {
			say("A %s", v.name)
		}
		say("G %s", scriptedName(s.Current()))
		switch v.after {
		case "file":
			s.runCheckpoint()
		case "stop":
			say("Z %v", s.closeStorage())
			s = openSaid(dir)
		}
	}
	say("Z %v", s.closeStorage())
}

func openSaid(dir string) *Store {
	s, err := Open(Options{Dir: dir, CheckpointDelay: noCheckpoint})
	if err != nil {
		say("F %v", err)
		os.Exit(0)
	}
	say("R %s", scriptedName(s.Current()))
	return s
}

func scriptedName(v *Version) string {
	if v == nil {
		return "0"
	}
	name, _, _ := strings.Cut(string(v.Data), "\n")
	if string(v.Data) != contents(name) {
		return fmt.Sprintf("torn:%.40q(%d)", v.Data, len(v.Data))
	}
	return name
}

// A child is the process, in a group of its own.
type child struct {
	cmd   *exec.Cmd
	lines chan string
}

func start(t testing.TB, mode, dir string, seed uint64, wrapper ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrapper, self)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDir+"="+dir, fmt.Sprintf("%s=%d", childSeed, seed), "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: make(chan string, 1<<16)}
	go func() {
		defer close(c.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			c.lines <- in.Text()
		}
	}()
	return c
}

func (c *child) kill() { syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// some returns the next n lines, fewer if the process ends.
func (c *child) some(n int) []string {
	var lines []string
	for range n {
		line, more := <-c.lines
		if !more {
			break
		}
		lines = append(lines, line)
	}
	return lines
}

// rest returns the lines up to the end of the process.
func (c *child) rest() []string {
	var lines []string
	for line := range c.lines {
		lines = append(lines, line)
	}
	c.cmd.Wait()
	return lines
}
