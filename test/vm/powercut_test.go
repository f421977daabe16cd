//go:build vm

package vm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestPowerCuts cuts the power while clients write, with and without a write cache in the
// disk. Acknowledged writes survive, and the state is a whole version. The control is
// the article's program on the same machine: it loses writes in the same cuts, which
// shows that the cuts can destroy data.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for i, disk := range []Disk{Durable, Volatile} {
		t.Run(disk.String(), func(t *testing.T) {
			t.Parallel()
			t.Logf("-seed %d", *seed)
			c := newCutter(t, disk, rand.New(rand.NewPCG(*seed, uint64(i))))
			lossy := 0
			for cut := range *cuts {
				ours, theirs := c.cut(t, cut)
				if ours != nil {
					t.Errorf("cut %d: foobar: %v", cut, ours)
				}
				if theirs != nil {
					lossy++
					t.Logf("cut %d: the control: %v", cut, theirs)
				}
			}
			t.Logf("%d cuts, %d of them followed by another during the boot; foobar acknowledged %d writes; the control lost writes in %d cuts",
				*cuts, c.duringBoot, c.acked, lossy)
			if lossy <= *cuts/2 {
				t.Errorf("the control lost nothing in %d of %d cuts: the cuts are not hard enough", *cuts-lossy, *cuts)
			}
			if disk == Volatile {
				c.cutWithoutFlush(t)
			}
		})
	}
}

// A cutter writes to the programs on a machine and cuts its power.
type cutter struct {
	*Machine
	rng          *rand.Rand
	ours, theirs *program
	// The states after the last power cut.
	ourState, theirState response
	acked                int // writes that foobar has acknowledged
	duringBoot           int // cuts that were followed by another during the boot
}

func newCutter(t *testing.T, disk Disk, rng *rand.Rand) *cutter {
	t.Helper()
	c := &cutter{Machine: NewMachine(t, *image, disk), rng: rng}
	c.PowerOn(t)
	c.WaitUp(t)
	c.ours, c.theirs = findPrograms(t, c.Machine)
	// Both programs start with a state that is on the disk.
	for _, p := range []*program{c.ours, c.theirs} {
		p.waitFor(t, c.Machine)
		if err := p.post(t.Context(), []byte("the first state")); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	c.Shell(t, "sync")
	c.ourState, c.theirState = c.ours.waitFor(t, c.Machine), c.theirs.waitFor(t, c.Machine)
	return c
}

// cut writes to both programs, cuts the power at a random moment, and checks the
// state of each program after the next boot.
func (c *cutter) cut(t *testing.T, number int) (ours, theirs error) {
	t.Helper()
	ourHistory, theirHistory := newHistory(c.ourState), newHistory(c.theirState)
	ctx, stop := context.WithCancel(context.Background())
	written := make(chan struct{}, 2)
	var cutting atomic.Bool // a write that fails from then on is not the program's fault
	write := func(p *program, h *history, writers int, rng *rand.Rand) {
		p.write(ctx, h, writers, rng, func(err error) {
			if !cutting.Load() {
				t.Errorf("before cut %d: %s: %v", number, p.name, err)
			}
		})
		written <- struct{}{}
	}
	go write(c.ours, ourHistory, 4, c.newRNG())
	go write(c.theirs, theirHistory, 1, c.newRNG())
	c.eventually(t, platformOf(*arch).bootTime, func() error {
		if n, m := ourHistory.acknowledged(), theirHistory.acknowledged(); n == 0 || m == 0 {
			return fmt.Errorf("acknowledged writes: %d of foobar, %d of the control", n, m)
		}
		return nil
	})
	// The file system commits every five seconds; some cuts come after that.
	time.Sleep(c.randomTime(7 * time.Second))
	cutting.Store(true)
	c.PowerCut()
	stop()
	<-written
	<-written

	c.PowerOn(t)
	if c.rng.IntN(4) == 0 {
		c.duringBoot++
		time.Sleep(c.randomTime(8 * time.Second))
		c.PowerCut()
		c.PowerOn(t)
	}
	c.ourState, c.theirState = c.ours.waitFor(t, c.Machine), c.theirs.waitFor(t, c.Machine)
	c.acked += ourHistory.acknowledged()
	c.wantStateFile(t, number)
	return ourHistory.check(c.ourState), theirHistory.check(c.theirState)
}

func (c *cutter) newRNG() *rand.Rand {
	return rand.New(rand.NewPCG(c.rng.Uint64(), c.rng.Uint64()))
}

func (c *cutter) randomTime(limit time.Duration) time.Duration {
	return time.Duration(c.rng.Int64N(int64(limit)))
}

// wantStateFile compares the file that has the state after recovery with the
// state that is served.
func (c *cutter) wantStateFile(t *testing.T, number int) {
	t.Helper()
	if c.ourState.status != http.StatusOK {
		return
	}
	sum, _, _ := strings.Cut(c.Shell(t, "sha256sum /var/lib/foobar/statefile"), " ")
	if want := fmt.Sprintf("%x", c.ourState.sum); sum != want {
		t.Errorf("cut %d: the SHA-256 of statefile is %s, that of the state is %s", number, sum, want)
	}
}

// cutWithoutFlush is the second control: no program can keep its state on a disk
// that ignores flushes, so foobar must lose it too.
func (c *cutter) cutWithoutFlush(t *testing.T) {
	c.PowerCut()
	c.Disk = IgnoresFlush
	c.PowerOn(t)
	c.ourState, c.theirState = c.ours.waitFor(t, c.Machine), c.theirs.waitFor(t, c.Machine)
	for cut := range 2 {
		ours, _ := c.cut(t, cut)
		if ours == nil {
			t.Error("foobar keeps its state on a disk that ignores flushes: the disk has no cache")
			continue
		}
		t.Logf("on %v: %v", IgnoresFlush, ours)
	}
}
