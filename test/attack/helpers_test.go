//go:build attack

package attack

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the path of foobar. TestMain builds it.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "foobar-attack-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "foobar")
	build := exec.Command("go", "build", "-o", program, "foobar/src/foobar")
	build.Stderr = os.Stderr
	code := 1
	if build.Run() == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// startService starts foobar with a configuration until the test ends.
func startService(t *testing.T, config string) *Service {
	t.Helper()
	s, err := StartService(program, t.TempDir(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// metric returns a metric of the service, see Service.Metric. On a busy machine
// the timeouts of the service may end a request for them.
func metric(t *testing.T, s *Service, name, label string, values ...string) int {
	t.Helper()
	n := 0.0
	if err := Poll(startTimeout, func() (err error) {
		n, err = s.Metric(name, label, values...)
		return err
	}); err != nil {
		t.Fatalf("the metrics: %v", err)
	}
	return int(n)
}
