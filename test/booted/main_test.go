//go:build testbed

// Package booted tries the packages on booted machines, one release after the
// other: built by makepkg, installed by pacman, run by systemd. test/run runs
// it; `go test -tags testbed ./test/booted -run Name/sid` runs a part of it.
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
	// For work on the tests alone: a directory in which the built and installed
	// packages stay for the next run.
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

// removeOnSignal keeps an interrupted run from leaving its files behind; its
// machines end by themselves.
func removeOnSignal(dir string) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		testbed.RemoveAll(dir)
		os.Exit(1)
	}()
}

// onEachRelease runs a test on every release, at the same time as others.
func onEachRelease(t *testing.T, test func(*testing.T, string)) {
	t.Parallel()
	for _, release := range testbed.Releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			test(t, release)
		})
	}
}
