//go:build testbed

package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BuildStatic builds a Go program that needs no libc, and returns its path.
func BuildStatic(t testing.TB, path string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", path, err, out)
	}
	return program
}

// CopyProgram copies a program of the host into the machine.
func (m *Machine) CopyProgram(t testing.TB, program, path string) {
	t.Helper()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	m.Must(t, Command{Stdin: string(content), Args: []string{"bash", "-euc", `mkdir -p "$(dirname "$1")"; cat >"$1"; chmod 755 "$1"`, "install", path}})
}

// HostCommand runs a command on the host, which must succeed, and returns its
// output.
func HostCommand(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
