//go:build testbed

package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Testbed keeps, for each release, a machine in which the package was built and
// one in which it was then installed, both shut down. Each test gets a machine of
// its own that starts from one of them.
type Testbed struct {
	script   string
	dir      string
	source   func() (string, error)
	releases map[string]*layers
	serial   atomic.Int64
	reported sync.Map // errors that a test has printed in full
}

// layers returns directories of machines, each on top of those before it.
type layers struct {
	built, installed func() ([]string, error)
}

// New makes a Testbed for the working tree in repo. It keeps its machines in dir,
// and uses those that another Testbed has left there.
func New(repo, dir string) *Testbed {
	b := &Testbed{script: filepath.Join(repo, "test/machine"), dir: dir, releases: map[string]*layers{}}
	b.source = sync.OnceValues(b.copySource)
	for _, release := range Releases {
		l := &layers{}
		l.built = sync.OnceValues(func() ([]string, error) {
			return b.layer(release, "built", func() ([]string, error) { return nil, nil }, build)
		})
		l.installed = sync.OnceValues(func() ([]string, error) {
			return b.layer(release, "installed", l.built, install)
		})
		b.releases[release] = l
	}
	return b
}

func (b *Testbed) copySource() (string, error) {
	dir := filepath.Join(b.dir, "source")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if out, err := exec.Command(b.script, "source", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("copy the source: %w\n%s", err, out)
	}
	return dir, nil
}

func (b *Testbed) boot(release, dir string, over []string) (*Machine, error) {
	source, err := b.source()
	if err != nil {
		return nil, err
	}
	options := []string{"--bind-ro=" + source + ":/srv/source"}
	for _, o := range over {
		options = append(options, "--over="+o)
	}
	return boot(b.script, release, dir, options...)
}

// layer boots a machine on top of others, changes it and shuts it down.
func (b *Testbed) layer(release, name string, below func() ([]string, error), change func(*Machine) error) ([]string, error) {
	over, err := below()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, release+"-"+name)
	done := filepath.Join(dir, "done")
	whole := append(over[:len(over):len(over)], dir)
	if _, err := os.Stat(done); err == nil {
		return whole, nil
	}
	m, err := b.boot(release, dir, over)
	if err != nil {
		return nil, err
	}
	if err := change(m); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s on %s: %w", name, release, err)
	}
	if err := m.powerOff(); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", name, release, err)
	}
	return whole, os.WriteFile(done, nil, 0o644)
}

// Source boots a machine with nothing of the project but /srv/source, a clone of
// the working tree.
func (b *Testbed) Source(t *testing.T, release string) *Machine {
	t.Helper()
	return b.machine(t, release, func() ([]string, error) { return nil, nil })
}

// Offline runs a script as the user who builds, in a fresh root with /srv/source
// where no systemd runs, and returns what it prints.
func (b *Testbed) Offline(t *testing.T, release, script string) string {
	t.Helper()
	source, err := b.source()
	if err != nil {
		t.Fatal(b.shortError(err))
	}
	cmd := exec.Command(b.script, "offline", release, t.TempDir(), "--bind-ro="+source+":/srv/source", "bash", "-euo", "pipefail", "-c", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("offline on %s: %v\n%s", release, err, out)
	}
	return string(out)
}

// Built boots a machine in which the packages were built, and not installed.
func (b *Testbed) Built(t *testing.T, release string) *Machine {
	t.Helper()
	return b.machine(t, release, b.releases[release].built)
}

// Installed boots a machine in which v1 was installed from the repository
// [foobar], and not enabled.
func (b *Testbed) Installed(t *testing.T, release string) *Machine {
	t.Helper()
	return b.machine(t, release, b.releases[release].installed)
}

// Running is like Installed, with the service enabled and up.
func (b *Testbed) Running(t *testing.T, release string) *Machine {
	t.Helper()
	m := b.Installed(t, release)
	m.Exec(t, "systemctl", "enable", "--now", "foobar")
	return m
}

// machine boots a machine for one test. If the test fails, it prints the status and
// the journal of the service's units.
func (b *Testbed) machine(t *testing.T, release string, over func() ([]string, error)) *Machine {
	t.Helper()
	below, err := over()
	if err != nil {
		t.Fatal(b.shortError(err))
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", release, b.serial.Add(1)))
	m, err := b.boot(release, dir, below)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the units' state and journal on %s:\n%s", release, m.report())
		}
		m.Close()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return m
}

// shortError shortens an error that another test has printed in full.
func (b *Testbed) shortError(err error) string {
	if _, seen := b.reported.LoadOrStore(err, true); seen {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first + " (another test prints the whole error)"
	}
	return err.Error()
}

// RemoveAll removes the directory of a Testbed. It tries again for 5 s, because
// machines that are being switched off have files open in it.
func RemoveAll(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
