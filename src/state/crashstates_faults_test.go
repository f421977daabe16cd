//go:build faults

package state

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEveryCrashState takes from strace(1) what a script does to the state
// directory, builds from it the directories that a power cut after each of the
// calls may leave on a disk that keeps no more than fsync(2) promises, and opens
// them all. What a sync has not covered is there, is not there, or is there in
// part, sector by sector. Of the changes of names there are all up to any of them,
// as in a journal, or one without those before it (compare "All File Systems Are
// Not Created Equal", OSDI 2014).
func TestEveryCrashState(t *testing.T) {
	needTool(t, "strace")
	random := seededRand(t)
	states := crashStates(t, t.TempDir(), "script", newWorld(), random)
	// A second power cut, in the recovery from a first one.
	for _, first := range []func(*testing.T, string) string{notCopied, notRenamed, torn} {
		dir := t.TempDir()
		answered := first(t, dir)
		states += crashStates(t, dir, "recover", worldOf(dir, answered), random)
	}
	// The same after a kill between the rename and the sync of the directory.
	dir := t.TempDir()
	answered := notCopied(t, dir)
	writeFile(t, dir, newFile, contents(answered))
	w := worldOf(dir, answered)
	w.apply(op{kind: "rename", name: newFile, to: FileName})
	if err := os.Rename(filepath.Join(dir, newFile), filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	states += crashStates(t, dir, "recover", w, random)
	// A file from elsewhere that nobody has synced: what becomes of it is open
	// until it has been served.
	dir = t.TempDir()
	writeFile(t, dir, FileName, contents("5"))
	w = newWorld()
	w.apply(op{kind: "create", name: FileName})
	w.apply(op{kind: "write", name: FileName, data: []byte(contents("5"))})
	w.open = true
	states += crashStates(t, dir, "recover", w, random)
	t.Logf("%d states", states)
	if states < 500 {
		t.Errorf("only %d states", states)
	}
}

// notCopied leaves a version that is in the slots only.
func notCopied(t *testing.T, dir string) (answered string) {
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, contents("1"))
	s.runCheckpoint()
	replace(t, s, Condition{}, contents("2"))
	crash(t, s)
	return "2"
}

// notRenamed leaves a committed version in the file that was to become FileName.
func notRenamed(t *testing.T, dir string) (answered string) {
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, contents("3"))
	s.runCheckpoint()
	replace(t, s, Condition{}, contents("4"))
	crash(t, s)
	if err := os.Rename(filepath.Join(dir, FileName), filepath.Join(dir, newFile)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, FileName, contents("3"))
	return "4"
}

// torn leaves half a record over the older one.
func torn(t *testing.T, dir string) (answered string) {
	notCopied(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, slotsName), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(sample(9, "torn").encode()[:100], slotSize); err != nil {
		t.Fatal(err)
	}
	return "2"
}

// worldOf is a directory that is on the disk as it is.
func worldOf(dir, answered string) *world {
	w := newWorld()
	for _, name := range []string{FileName, newFile, slotsName} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			w.names[name] = &inode{durable: data, length: len(data)}
		}
	}
	w.apply(op{kind: "syncdir"})
	w.said = []string{"A " + answered}
	return w
}

// crashStates runs a child in dir, whose content w has, and opens what a power cut
// after each of its calls may leave. It returns how many states those are.
func crashStates(t *testing.T, dir, mode string, w *world, random *rand.Rand) (states int) {
	t.Helper()
	ops := recordCalls(t, dir, mode)
	for i, op := range ops {
		w.apply(op)
		if w.open {
			continue
		}
		for _, names := range w.namesAfterCrash() {
			for variant := range 6 {
				dir, err := os.MkdirTemp("/dev/shm", "crash") // fast; nothing here rests on its syncs
				if err != nil {
					t.Fatal(err)
				}
				w.materialize(t, dir, names, variant, random)
				states++
				before := t.Failed()
				wantKept(t, dir, accountOf(w.said))
				if t.Failed() && !before {
					os.RemoveAll(dir)
					t.Fatalf("power cut after call %d of %d (%s), names %v, variant %d", i+1, len(ops), op, names, variant)
				}
				os.RemoveAll(dir)
			}
		}
	}
	return states
}

// An op is one call that matters to the directory, or a line that was said.
type op struct {
	kind string // create, write, sync, syncdir, rename, remove, say
	name string // of the file at that time
	to   string // of rename
	at   int    // of write; -1 is the end
	data []byte
}

func (o op) String() string {
	return fmt.Sprintf("%s %s %s at %d, %d bytes", o.kind, o.name, o.to, o.at, len(o.data))
}

// An inode has the content that a sync has covered, and what was done since.
type inode struct {
	durable []byte
	since   []op
	length  int
}

// A world is the directory as processes see it, and as the disk has it.
type world struct {
	names   map[string]*inode
	durable map[string]*inode
	since   []map[string]*inode // what names may be, by the changes since syncdir
	said    []string
	open    bool // nothing is promised yet
}

func newWorld() *world {
	return &world{names: map[string]*inode{}, durable: map[string]*inode{}}
}

func (w *world) apply(o op) {
	switch o.kind {
	case "say":
		w.said = append(w.said, string(o.data))
		w.open = false
	case "create", "rename", "remove":
		n := w.names[o.name]
		if o.kind == "create" {
			n = &inode{}
		}
		alone := maps.Clone(w.durable)
		o.change(alone, n)
		o.change(w.names, n)
		w.since = append(w.since, maps.Clone(w.names), alone)
	case "write":
		n := w.names[o.name]
		if o.at < 0 {
			o.at = n.length
		}
		n.length = max(n.length, o.at+len(o.data))
		n.since = append(n.since, o)
	case "sync":
		n := w.names[o.name]
		n.durable, n.since = n.content(nil, 1), nil
	case "syncdir":
		w.durable, w.since = maps.Clone(w.names), nil
	}
}

// change does to names what o does to the name of n.
func (o op) change(names map[string]*inode, n *inode) {
	switch o.kind {
	case "create":
		names[o.name] = n
	case "rename":
		names[o.to] = n
		delete(names, o.name)
	case "remove":
		delete(names, o.name)
	}
}

func (w *world) namesAfterCrash() []map[string]*inode {
	return append([]map[string]*inode{w.durable}, w.since...)
}

// content is what is read after a crash: of the sectors written since the last
// sync each is there with the given probability.
func (n *inode) content(random *rand.Rand, there float64) []byte {
	const sector = 512
	data := append([]byte(nil), n.durable...)
	for _, o := range n.since {
		for from := 0; from < len(o.data); {
			to := min(len(o.data), from+sector-(o.at+from)%sector)
			if there == 1 || there > 0 && random.Float64() < there {
				if missing := o.at + to - len(data); missing > 0 {
					data = append(data, make([]byte, missing)...)
				}
				copy(data[o.at+from:], o.data[from:to])
			}
			from = to
		}
	}
	return data
}

func (w *world) materialize(t *testing.T, dir string, names map[string]*inode, variant int, random *rand.Rand) {
	there := []float64{0, 1, 0.5, 0.9, 0.99, 0.1}[variant]
	for name, n := range names {
		data := n.content(random, there)
		if variant == 2 && len(n.since) > 0 {
			// The length is there, the data are not.
			data = append(data, make([]byte, max(0, n.length-len(data)))...)
		}
		writeFile(t, dir, name, string(data))
	}
}

// recordCalls runs a child under strace and returns what it did.
func recordCalls(t *testing.T, dir, mode string) []op {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	c := start(t, mode, dir, 0, "strace", "-f", "-qq", "-y", "-xx", "-s", strconv.Itoa(2*slotsSize), "-o", trace,
		"-e", "trace=openat,write,pwrite64,fsync,fdatasync,renameat,unlinkat,ftruncate,fallocate")
	lines := c.rest()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 64<<20)
	var ops []op
	begun := map[string]string{} // by thread: a call that strace has split
	said := 0
	for in.Scan() {
		thread, line, _ := strings.Cut(in.Text(), " ")
		line = strings.TrimSpace(line)
		if head, ok := strings.CutSuffix(line, " <unfinished ...>"); ok {
			begun[thread] = head
			continue
		}
		if _, tail, ok := strings.Cut(line, " resumed>"); ok && strings.HasPrefix(line, "<...") {
			line = begun[thread] + tail
		}
		if o, ok := parse(t, dir, line); ok {
			ops = append(ops, o)
			if o.kind == "say" {
				said++
			}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	if said != len(lines) {
		t.Fatalf("strace has seen %d of the %d lines that were said", said, len(lines))
	}
	return ops
}

var (
	callPattern = regexp.MustCompile(`^(\w+)\((.*)\) += (-?\d+)`)
	hexPattern  = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
	fdPattern   = regexp.MustCompile(`^(\d+)<([^>]*)>`)
)

// parse makes an op of a line of strace. Calls on other files are none.
func parse(t *testing.T, dir, line string) (op, bool) {
	m := callPattern.FindStringSubmatch(line)
	if m == nil || strings.HasPrefix(m[3], "-") {
		return op{}, false
	}
	call, args := m[1], m[2]
	var texts [][]byte
	for _, s := range hexPattern.FindAllStringSubmatch(args, -1) {
		texts = append(texts, unhex(t, s[1]))
	}
	fd := fdPattern.FindStringSubmatch(args)
	path := ""
	if fd != nil {
		path = string(unhex(t, fd[2]))
	}
	if call == "write" && fd != nil && fd[1] == "1" {
		return op{kind: "say", data: texts[0][:len(texts[0])-1]}, true
	}
	inside := strings.HasPrefix(path, dir)
	name := strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
	switch {
	case !inside:
		return op{}, false
	case call == "openat" && strings.Contains(args, "O_CREAT"):
		return op{kind: "create", name: string(texts[0])}, true
	case call == "write":
		return op{kind: "write", name: name, at: -1, data: texts[0]}, true
	case call == "pwrite64":
		at, err := strconv.Atoi(args[strings.LastIndex(args, " ")+1:])
		if err != nil {
			t.Fatal(err)
		}
		return op{kind: "write", name: name, at: at, data: texts[0]}, true
	case (call == "fsync" || call == "fdatasync") && name == "":
		return op{kind: "syncdir"}, true
	case call == "fsync" || call == "fdatasync":
		return op{kind: "sync", name: name}, true
	case call == "renameat":
		return op{kind: "rename", name: string(texts[0]), to: string(texts[1])}, true
	case call == "unlinkat":
		return op{kind: "remove", name: string(texts[0])}, true
	case call == "openat":
		return op{}, false
	}
	t.Fatalf("a call that the model does not know: %s", line[:min(len(line), 200)])
	return op{}, false
}

func unhex(t *testing.T, s string) []byte {
	if !strings.Contains(s, `\x`) {
		return []byte(s)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
