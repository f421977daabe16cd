//go:build faults

package state

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// FS_IOC_SHUTDOWN with the flag that leaves the journal unwritten, as in xfstests
// (ioctl_xfs_goingdown(2)): everything that was not synced is lost.
const (
	fsIocShutdown = 0x8004587d
	noLogFlush    = 2
)

// cutPower makes the file system lose everything that is not on its device.
func (v *volume) cutPower(t *testing.T) {
	t.Helper()
	f, err := os.Open(v.mountPoint)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var here, device unix.Stat_t
	if err := errors.Join(unix.Fstat(int(f.Fd()), &here), unix.Stat(v.device, &device)); err != nil || here.Dev != device.Rdev {
		t.Fatalf("not the file system of %s: %v", v.device, err)
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), fsIocShutdown, noLogFlush); err != nil {
		t.Fatal(err)
	}
}

// TestPowerCut cuts the power of the file system at a random moment while eight
// clients use it, and mounts it again, many times. As in TestKill, the calls and
// the recovered versions have to be linearizable.
func TestPowerCut(t *testing.T) {
	random := seededRand(t)
	for _, kind := range []string{"ext4", "xfs"} {
		seed := random.Uint64()
		t.Run(kind, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			v := newVolume(t, kind)
			var sum tally
			h := history{initial: "-"}
			for round := range 30 {
				lines := runUntilPowerCut(t, v, modeClients, random)
				if !h.add(t, withoutErrors(lines), &sum) {
					t.Fatalf("round %d", round)
				}
			}
			s := openStore(t, Options{Dir: v.stateDirectory(t)})
			h.add(t, []string{"R " + nameOf(s.Current())}, &sum)
			closeStore(t, s)
			t.Logf("%+v", sum)
			if sum.Acknowledged < 30 || sum.WithoutResult == 0 {
				t.Errorf("too few calls to test anything: %+v", sum)
			}
		})
	}
}

// runUntilPowerCut starts a child process, cuts the power while it runs, and
// returns the lines of the process.
func runUntilPowerCut(t *testing.T, v *volume, mode string, random *rand.Rand) []string {
	t.Helper()
	c := startChild(t, mode, v.stateDirectory(t), random.Uint64N(1<<40))
	lines := c.readLines(1 + random.IntN(80))
	time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
	v.cutPower(t)
	c.kill()
	lines = append(lines, c.readAll()...)
	v.unmount(t)
	v.mount(t)
	return lines
}

// withoutErrors drops the lines about errors: between the power cut and the kill
// the calls of the child process fail.
func withoutErrors(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "F ") {
			kept = append(kept, line)
		}
	}
	return kept
}

// TestPowerCutLosesUnsyncedWrites runs a program that writes with os.WriteFile. It has to
// lose writes in the same power cuts, or TestPowerCut would prove nothing.
func TestPowerCutLosesUnsyncedWrites(t *testing.T) {
	random := seededRand(t)
	v := newVolume(t, "ext4")
	lost := 0
	for range 8 {
		lines := runUntilPowerCut(t, v, modeUnsyncedWrite, random)
		lines = withoutErrors(lines)
		acknowledged := strings.TrimPrefix(lines[len(lines)-1], "A ")
		raw, _ := os.ReadFile(filepath.Join(v.stateDirectory(t), FileName))
		if string(raw) != string(payload(acknowledged)) {
			lost++
		}
	}
	t.Logf("%d of 8 lost", lost)
	if lost < 6 {
		t.Errorf("only %d of 8 power cuts lost a write that was not synced", lost)
	}
}
