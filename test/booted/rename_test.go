//go:build testbed

package booted

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newName must not be a word of this tree, and so stands here in two parts.
const newName = "sun-" + "dial"

// TestRenamedPackage runs ./rename. The renamed tree can be built, installed and removed,
// its service serves requests, and its exposure is the same.
func TestRenamedPackage(t *testing.T) {
	t.Parallel()
	tree := sourceClone(t)
	inTree(t, tree, nil, "./rename", newName, "example.org/"+newName)
	if left := inTree(t, tree, nil, "sh", "-c", "git grep --cached -il foobar -- . ':!**/testdata/fuzz/**' ':!LICENSE' || true"); left != "" {
		t.Errorf("files that still contain foobar:\n%s", left)
	}
	// The roots of the machines are the same, and those in the cache are used.
	cache := os.Getenv("FOOBAR_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "foobar")
	}
	variable := strings.ToUpper(strings.ReplaceAll(newName, "-", "_"))
	env := []string{variable + "_CACHE=" + cache, variable + "_V1=1"}
	root, err := exec.Command("../machine", "build", "forky").Output()
	if got := inTree(t, tree, env, "test/machine", "build", "forky"); err != nil || got != string(root) {
		t.Errorf("the renamed tree has the root %s, and this tree %s: %v", got, root, err)
	}
	inTree(t, tree, nil, "go", "vet", "./src/...")
	out := inTree(t, tree, env, "go", "test", "-vet=off", "-tags", "testbed", "-count=1", "-timeout", "40m", "-v",
		"-run", "(TestFirstStart|TestExposure|TestPackagesOwnWhatTheUnitsUse|TestRemovalKeepsStateAndCredentials)/forky", "./test/booted")
	if n := strings.Count(out, "--- PASS: Test"); n < 4 {
		t.Errorf("%d tests passed:\n%s", n, out)
	}
}

func TestRenameRefuses(t *testing.T) {
	t.Parallel()
	tree := sourceClone(t)
	refuse := func(name, why string) {
		t.Helper()
		cmd := exec.Command("./rename", name)
		cmd.Dir = tree
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "rename: ") || !strings.Contains(string(out), why) {
			t.Errorf("./rename %s: %v, %s", name, err, out)
		}
	}
	refuse("Sun"+"dial", "is not a valid name")
	refuse("sun--"+"dial", "is not a valid name")
	refuse("sun"+"dial-", "is not a valid name")
	refuse("state", "is a word of this tree")
	refuse("--bear", "unknown option --bear")
	if err := os.WriteFile(filepath.Join(tree, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse(newName, "has uncommitted changes")
	if err := os.RemoveAll(filepath.Join(tree, ".git")); err != nil {
		t.Fatal(err)
	}
	refuse(newName, tree+" is not a git repository")
}

// sourceClone makes a repository of the working tree, and returns its path.
func sourceClone(t *testing.T) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "tree")
	if out, err := exec.Command("../machine", "source", tree).CombinedOutput(); err != nil {
		t.Fatalf("copy the source: %v\n%s", err, out)
	}
	return tree
}

// inTree runs a program, which must succeed, and returns its output.
func inTree(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
