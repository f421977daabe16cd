//go:build faults

package state

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tracedCalls are the calls of a write and of the recovery. close(2) is not among
// them: after fsync its result does not matter.
const tracedCalls = "openat,read,pread64,write,pwrite64,fsync,fdatasync,renameat,renameat2,unlinkat,newfstatat,fstat,flock,getdents64"

// straceArgs returns a strace command for the calls on the directory and its files.
func straceArgs(dir string, more ...string) []string {
	args := []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + tracedCalls, "-P", dir}
	for _, name := range []string{FileName, newFile, slotsName, newSlots} {
		args = append(args, "-P", filepath.Join(dir, name), "-P", filepath.Join(dir, name)+" (deleted)")
	}
	return append(args, more...)
}

// callsOfScript returns the names of the calls of a script without faults, in
// their order.
func callsOfScript(t *testing.T) []string {
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	startChild(t, modeScript, dir, 0, straceArgs(dir, "-o", trace)...).readAll()
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(string(raw), -1) {
		calls = append(calls, m[1])
	}
	return calls
}

// recordCalls runs a child process under strace and returns what it does to the
// directory.
func recordCalls(t *testing.T, dir, mode string) []op {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	c := startChild(t, mode, dir, 0, "strace", "-f", "-qq", "-y", "-xx", "-s", strconv.Itoa(2*slotsSize), "-o", trace,
		"-e", "trace=openat,write,pwrite64,fsync,fdatasync,renameat,unlinkat,ftruncate,fallocate")
	lines := c.readAll()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 64<<20)
	var ops []op
	unfinished := map[string]string{} // the first part of a call that strace has split, by thread
	printed := 0
	for in.Scan() {
		thread, line, _ := strings.Cut(in.Text(), " ")
		line = strings.TrimSpace(line)
		if head, ok := strings.CutSuffix(line, " <unfinished ...>"); ok {
			unfinished[thread] = head
			continue
		}
		if _, tail, ok := strings.Cut(line, " resumed>"); ok && strings.HasPrefix(line, "<...") {
			line = unfinished[thread] + tail
		}
		if o, ok := parseCall(t, dir, line); ok {
			ops = append(ops, o)
			if o.kind == "line" {
				printed++
			}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	if printed != len(lines) {
		t.Fatalf("strace has recorded %d of the %d lines that the child process has written", printed, len(lines))
	}
	return ops
}

var (
	callPattern = regexp.MustCompile(`^(\w+)\((.*)\) += (-?\d+)`)
	hexPattern  = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
	fdPattern   = regexp.MustCompile(`^(\d+)<([^>]*)>`)
)

// parseCall returns the op of a line of strace. It returns false for failed calls
// and for calls on other files.
func parseCall(t *testing.T, dir, line string) (op, bool) {
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
		return op{kind: "line", data: texts[0][:len(texts[0])-1]}, true
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

// unhex decodes a string of strace -xx.
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
