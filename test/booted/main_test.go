//go:build testbed

// Package booted tests the packages on booted machines of each Debian release: built
// by makepkg, installed by pacman, run by systemd. test/run runs all tests, and
// `go test -tags testbed ./test/booted -run TestReload/sid` runs one. The helpers of
// all tests are in helpers_test.go; package testbed drives the machines.
package booted

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"foobar/test/booted/testbed"
)

// machines is set by TestMain alone, before any test.
var machines *testbed.Testbed

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		return 1, err
	}
	// A directory in which the machines with the built and installed packages stay
	// for the next run, for work on the tests.
	if dir := os.Getenv("FOOBAR_BED"); dir != "" {
		machines = testbed.New(repo, dir)
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "foobar-testbed-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	removeOnSignal(dir)
	machines = testbed.New(repo, dir)
	return m.Run(), nil
}

// removeOnSignal removes the directory after a signal. The machines end by
// themselves.
func removeOnSignal(dir string) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		testbed.RemoveAll(dir)
		os.Exit(1)
	}()
}

// onEachRelease runs a test for each release, in parallel with other tests.
func onEachRelease(t *testing.T, test func(*testing.T, string)) {
	t.Parallel()
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			test(t, release)
		})
	}
}
