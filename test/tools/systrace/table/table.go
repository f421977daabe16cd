// Package table has the numbers and names of system calls on each architecture
// that the package is built for. They come from golang.org/x/sys, which takes
// them from the kernel's headers.
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

// Architectures returns Go's names of the architectures.
func Architectures() []string { return []string{"amd64", "arm64"} }

// Tables holds the table of each architecture.
type Tables struct {
	names   map[string]map[int]string
	numbers map[string]map[string]int
}

// Load reads the tables from the module cache.
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

// add stores a call by its name in syscalls(2) and systemd.
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
	var missing []string
	for _, arch := range Architectures() {
		if _, ok := t.numbers[arch][name]; !ok {
			missing = append(missing, arch)
		}
	}
	return missing
}
