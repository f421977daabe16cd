package state

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// killChains is the number of directories that are used at the same time.
const killChains = 4

// TestKill kills a process at a random moment while eight clients read, write and
// compare and swap, and starts it again on the same directory, many times. The
// calls of the clients and the recovered versions have to be linearizable: every
// acknowledged write has happened, and a write without a result has happened as
// a whole or not at all.
func TestKill(t *testing.T) {
	random := seededRand(t)
	for chain := range killChains {
		seed := random.Uint64()
		t.Run(fmt.Sprint("chain ", chain), func(t *testing.T) {
			t.Parallel()
			killChain(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func killChain(t *testing.T, random *rand.Rand) {
	dir := t.TempDir()
	var sum tally
	h := history{initial: "-"}
	var recoveryTime time.Duration // from the start of the process to the end of the recovery
	for round := range kills / killChains {
		start := time.Now()
		c := startChild(t, modeClients, dir, random.Uint64N(1<<40))
		var lines []string
		if round%5 == 4 { // kill it during the recovery
			time.Sleep(time.Duration(random.Int64N(int64(recoveryTime))))
		} else {
			lines = c.readLines(1)
			recoveryTime = time.Since(start)
			// A number of calls rather than a time, so that a slow machine sees
			// as many. The time after it makes the kill come within a call.
			lines = append(lines, c.readLines(random.IntN(80))...)
			time.Sleep(time.Duration(random.IntN(1500)) * time.Microsecond)
		}
		c.kill()
		lines = append(lines, c.readAll()...)
		if !h.add(t, lines, &sum) {
			t.Fatalf("round %d", round)
		}
	}
	s, err := open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	h.add(t, []string{"R " + nameOf(s.Current())}, &sum)
	closeStore(t, s)
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || string(raw) != string(s.Current().Data) {
		t.Errorf("%s is not the state after Close: %v", FileName, err)
	}
	t.Logf("%+v", sum)
	if sum.Acknowledged < kills/killChains || sum.WithoutResult < kills/killChains || sum.Refused == 0 || sum.KilledInRecovery == 0 || sum.HappenedNonetheless == 0 {
		t.Errorf("the kills have not come at all the moments that they are for: %+v", sum)
	}
}
