package static

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers lists the packages of src from the top down. A package may import
// those of the layers below its own, and no other of src.
var layers = [][]string{
	{"foobar", "foobar-etcd"},
	{"command", "cluster"},
	{"service", "adminclient"},
	{"httpserver", "http1", "api/apitest"},
	{"api"},
	{"engine", "access"},
	{"request"},
	{"state", "config", "credentials", "listen", "notify", "logging", "metrics", "connlimit"},
	{"batch"},
}

// only lists packages that may import less than their layer allows. The server knows
// no handler and no fast path, so that it serves any http.Handler when both are
// deleted. The fast path knows the API alone, and the client of a running service
// nothing of it.
var only = map[string][]string{
	"httpserver":  {"engine", "request", "connlimit", "credentials", "listen", "logging", "metrics"},
	"http1":       {"api", "engine", "request"},
	"engine":      {"request"},
	"adminclient": {},
}

// forbidden lists packages that the program foobar must not need, with the reason.
var forbidden = map[string]string{
	"golang.org/x/net/http2":    "HTTP/2 is net/http's",
	"google.golang.org/grpc":    "only foobar-etcd makes calls to other machines",
	"go.etcd.io/etcd/client/v3": "only foobar-etcd makes calls to other machines",
	"foobar/src/cluster":        "only foobar-etcd makes calls to other machines",
	"foobar/src/api/apitest":    "only tests use the package",
}

// A goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath, ForTest                string
	Imports, TestImports, XTestImports []string
}

// goList runs go list from the module's root, with the tags of all tests.
func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,ForTest,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
		}
		t.Fatalf("%v: %v", cmd, err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		all = append(all, p)
	}
}

// TestImportDirection keeps data flowing down: no package of src imports one
// of its own layer or of a layer above.
func TestImportDirection(t *testing.T) {
	for _, p := range goList(t, "./src/...") {
		name := strings.TrimPrefix(p.ImportPath, "foobar/src/")
		allowed, ok := allowedImports(name)
		if !ok {
			t.Errorf("%s: no layer lists the package", name)
		}
		for _, path := range p.Imports {
			imported, ours := strings.CutPrefix(path, "foobar/")
			imported, inSource := strings.CutPrefix(imported, "src/")
			if ours && (!inSource || !slices.Contains(allowed, imported)) {
				t.Errorf("%s must not import %s", name, path)
			}
		}
	}
}

// allowedImports returns the packages of src that a package may import.
func allowedImports(name string) (allowed []string, ok bool) {
	layer := slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, name) })
	if layer < 0 {
		return nil, false
	}
	if list, ok := only[name]; ok {
		return list, true
	}
	return slices.Concat(layers[layer+1:]...), true
}

// TestSourceNeedsNoTests keeps src buildable and testable without test/.
func TestSourceNeedsNoTests(t *testing.T) {
	for _, p := range goList(t, "-tags", "faults", "./src/...") {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, "foobar/") && !strings.HasPrefix(path, "foobar/src/") {
				t.Errorf("%s, or a test of it, imports %s", p.ImportPath, path)
			}
		}
	}
}

// TestForbiddenModules keeps what was given up out of the program.
func TestForbiddenModules(t *testing.T) {
	for _, p := range goList(t, "-deps", "./src/foobar") {
		if why, ok := forbidden[p.ImportPath]; ok {
			t.Errorf("src/foobar depends on %s: %s", p.ImportPath, why)
		}
	}
}
