//go:build vm

package vm

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// TestMain sets these before any test runs.
var (
	image   = flag.String("image", "", "`directory` that test/vm/image has made; the default is to make one and remove it")
	release = flag.String("release", "forky", "Debian release on the disk if it is made: forky or sid; the kernel is forky's")
	cuts    = flag.Int("cuts", 10, "power cuts with each kind of disk")
	seed    = flag.Uint64("seed", 0, "seed of the random numbers; 0 picks one and prints it")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "foobar-vm-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	// The machines keep their disks in it too. Their processes end with this one.
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return 1, err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		fmt.Fprintln(os.Stderr, "interrupted:", <-interrupted)
		os.RemoveAll(dir)
		os.Exit(1)
	}()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	if *image == "" {
		*image = dir + "/image"
		if out, err := exec.Command("./image", *image, *release, *arch).CombinedOutput(); err != nil {
			return 1, fmt.Errorf("make the image: %w\n%s", err, out)
		}
	}
	return m.Run(), nil
}
