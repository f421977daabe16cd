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

// An acknowledged write survives a power cut, whatever the disk's cache does
// short of lying, and what is there after one is a whole version. The article's
// program, beside ours in the same cuts, shows that these are cuts that hurt.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for i, disk := range []Disk{Durable, Volatile} {
		t.Run(disk.String(), func(t *testing.T) {
			t.Parallel()
			t.Logf("-seed %d", *seed)
			c := newCutter(t, disk, rand.New(rand.NewPCG(*seed, uint64(i))))
			lost := 0
			for cut := range *cuts {
				ours, theirs := c.cut(t, cut)
				if ours != nil {
					t.Errorf("cut %d: foobar: %v", cut, ours)
				}
				if theirs != nil {
					lost++
					t.Logf("cut %d: the control: %v", cut, theirs)
				}
			}
			t.Logf("%d cuts, %d of them followed by another while the machine booted; %d writes acknowledged by foobar; the control lost some in %d cuts",
				*cuts, c.again, c.acked, lost)
			if lost <= *cuts/2 {
				t.Errorf("the control survives %d of %d cuts: they show nothing", *cuts-lost, *cuts)
			}
			if disk == Volatile {
				c.lies(t)
			}
		})
	}
}

// A cutter writes to the programs on a machine and cuts its power.
type cutter struct {
	*Machine
	random       *rand.Rand
	ours, theirs *program
	// What the programs answered when they were last asked, with nothing
	// written since.
	ourState, theirState observed
	acked, again         int
}

func newCutter(t *testing.T, disk Disk, random *rand.Rand) *cutter {
	t.Helper()
	c := &cutter{Machine: NewMachine(t, *image, disk), random: random}
	c.PowerOn(t)
	c.WaitUp(t)
	c.ours, c.theirs = programs(t, c.Machine)
	// Both start from a state that is on disk.
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

// cut has both programs written to, cuts the power at some moment, and says
// what is wrong with each program's state after the next boot.
func (c *cutter) cut(t *testing.T, number int) (ours, theirs error) {
	t.Helper()
	ourHistory, theirHistory := newHistory(c.ourState), newHistory(c.theirState)
	ctx, stop := context.WithCancel(context.Background())
	written := make(chan struct{}, 2)
	var dark atomic.Bool // from here on a write that fails is no program's fault
	write := func(p *program, h *history, writers int, random *rand.Rand) {
		p.write(ctx, h, writers, random, func(err error) {
			if !dark.Load() {
				t.Errorf("cut %d, before it: %s: %v", number, p.name, err)
			}
		})
		written <- struct{}{}
	}
	go write(c.ours, ourHistory, 4, c.chance())
	go write(c.theirs, theirHistory, 1, c.chance())
	c.eventually(t, bootTime, func() error {
		if n, m := ourHistory.acknowledged(), theirHistory.acknowledged(); n == 0 || m == 0 {
			return fmt.Errorf("writes acknowledged: %d, and %d of the control", n, m)
		}
		return nil
	})
	// Long enough for some cuts to come after the file system's own commit,
	// every five seconds.
	time.Sleep(c.moment(7 * time.Second))
	dark.Store(true)
	c.Cut()
	stop()
	<-written
	<-written

	c.PowerOn(t)
	if c.random.IntN(4) == 0 {
		c.again++
		time.Sleep(c.moment(8 * time.Second))
		c.Cut()
		c.PowerOn(t)
	}
	c.ourState, c.theirState = c.ours.waitFor(t, c.Machine), c.theirs.waitFor(t, c.Machine)
	c.acked += ourHistory.acknowledged()
	c.wantStateFile(t, number)
	return ourHistory.judge(c.ourState), theirHistory.judge(c.theirState)
}

func (c *cutter) chance() *rand.Rand {
	return rand.New(rand.NewPCG(c.random.Uint64(), c.random.Uint64()))
}

func (c *cutter) moment(limit time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(limit)))
}

// wantStateFile compares the file, which holds the raw state after recovery,
// with what is served.
func (c *cutter) wantStateFile(t *testing.T, number int) {
	t.Helper()
	if c.ourState.status != http.StatusOK {
		return
	}
	sum, _, _ := strings.Cut(c.Shell(t, "sha256sum /var/lib/foobar/statefile"), " ")
	if want := fmt.Sprintf("%x", c.ourState.sum); sum != want {
		t.Errorf("cut %d: statefile is not what is served: %s, want %s", number, sum, want)
	}
}

// lies is the other control: with a disk that only says that it has flushed
// its cache nobody can keep anything, and the same cuts must show it.
func (c *cutter) lies(t *testing.T) {
	c.Cut()
	c.Disk = Lying
	c.PowerOn(t)
	c.ourState, c.theirState = c.ours.waitFor(t, c.Machine), c.theirs.waitFor(t, c.Machine)
	for cut := range 2 {
		ours, _ := c.cut(t, cut)
		if ours == nil {
			t.Error("foobar keeps its state on a disk that ignores flushes: the disk's cache is none")
			continue
		}
		t.Logf("on %v: %v", Lying, ours)
	}
}
