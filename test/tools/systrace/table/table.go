// Package table knows the system calls of the architectures that the package
// is built for, from the tables of golang.org/x/sys, which are made from the
// kernel's headers.
package table

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Architectures are Go's names of those that the package is built for.
func Architectures() []string { return []string{"amd64", "arm64"} }

// Tables are the tables of all architectures.
type Tables struct {
	names   map[string]map[int]string
	numbers map[string]map[string]int
}

// Load reads the tables.
func Load() (*Tables, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys")
	cmd.Stderr = &stderr
	dir, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("find golang.org/x/sys: %w: %s", err, stderr.String())
	}
	t := &Tables{map[string]map[int]string{}, map[string]map[string]int{}}
	line := regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`)
	for _, arch := range Architectures() {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix/zsysnum_linux_"+arch+".go"))
		if err != nil {
			return nil, err
		}
		t.names[arch], t.numbers[arch] = map[int]string{}, map[string]int{}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, err
			}
			t.add(arch, n, strings.ToLower(m[1]))
		}
	}
	return t, nil
}

// add takes names as syscalls(2) and systemd have them.
func (t *Tables) add(arch string, number int, name string) {
	if old, ok := map[string]string{"fstatat": "newfstatat", "pwrite": "pwrite64", "pread": "pread64"}[name]; ok {
		name = old
	}
	t.names[arch][number] = name
	t.numbers[arch][name] = number
}

// Name returns a call's name, or its number if the table has none.
func (t *Tables) Name(arch string, number int) string {
	if name, ok := t.names[arch][number]; ok {
		return name
	}
	return strconv.Itoa(number)
}

// Number returns a call's number, and whether the architecture has it.
func (t *Tables) Number(arch, name string) (int, bool) {
	n, ok := t.numbers[arch][name]
	return n, ok
}

// MissingOn returns the architectures that do not have a call.
func (t *Tables) MissingOn(name string) []string {
	var lacking []string
	for _, arch := range Architectures() {
		if _, ok := t.numbers[arch][name]; !ok {
			lacking = append(lacking, arch)
		}
	}
	return lacking
}
