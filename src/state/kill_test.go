package state

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const chains = 4

// TestKill kills a process at a random moment while eight clients read, write
// and compare and swap, starts it again on the same directory, and so on. What
// the clients saw and what is recovered has to be linearizable: every answered
// write counts, one that was not answered counts or not, whole.
func TestKill(t *testing.T) {
	random := seededRand(t)
	for chain := range chains {
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
	life := history{initial: "-"}
	var opening time.Duration // from the start to the end of the recovery
	for round := range kills / chains {
		began := time.Now()
		c := start(t, "clients", dir, random.Uint64N(1<<40))
		var lines []string
		if round%5 == 4 { // somewhere in the recovery
			time.Sleep(time.Duration(random.Int64N(int64(opening))))
		} else {
			lines = c.some(1)
			opening = time.Since(began)
			// So many calls, and then a moment: a slow machine sees as much.
			lines = append(lines, c.some(random.IntN(80))...)
			time.Sleep(time.Duration(random.IntN(1500)) * time.Microsecond)
		}
		c.kill()
		lines = append(lines, c.rest()...)
		if !life.add(t, lines, &sum) {
			t.Fatalf("round %d", round)
		}
	}
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	life.add(t, []string{"R " + nameOf(s.Current())}, &sum)
	closeStore(t, s)
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || string(raw) != string(s.Current().Data) {
		t.Errorf("%s is not the state after Close: %v", FileName, err)
	}
	t.Logf("%+v", sum)
	if sum.Answered < kills/chains || sum.Unanswered < kills/chains || sum.Refused == 0 || sum.KilledInRecovery == 0 || sum.UnansweredHappened == 0 {
		t.Errorf("the test has not seen what it is for: %+v", sum)
	}
}

// A tally shows that the moments of a kill were of all sorts.
type tally struct{ Answered, Unanswered, UnansweredHappened, Refused, Reads, KilledInRecovery int }

// A history is what clients saw from one recovery to the next.
type history struct {
	initial    string // the version that was recovered
	operations []porcupine.Operation
	open       map[string]int // index of the operation of a call without an answer
	clock      int64
}

type input struct{ kind, name, expected string }

// add reads the lines of one life. Each R line ends a history, which is checked,
// and begins the next.
func (h *history) add(t *testing.T, lines []string, sum *tally) bool {
	t.Helper()
	recovered := false
	for _, line := range lines {
		h.clock++
		f := strings.Fields(line)
		switch f[0] {
		case "R":
			recovered = true
			if !h.end(t, f[1], sum) {
				return false
			}
			*h = history{initial: f[1], open: map[string]int{}}
		case "C":
			client := 0
			fmt.Sscan(f[2], &client)
			h.open[f[1]] = len(h.operations)
			h.operations = append(h.operations, porcupine.Operation{ClientId: client, Call: h.clock, Input: input{f[3], f[4], f[5]}})
		case "E":
			i := h.open[f[1]]
			delete(h.open, f[1])
			h.operations[i].Return, h.operations[i].Output = h.clock, f[2]
		default:
			t.Errorf("child says: %s", line)
			return false
		}
	}
	if !recovered {
		sum.KilledInRecovery++
	}
	return true
}

// end checks the history, given what was recovered after it.
func (h *history) end(t *testing.T, recovered string, sum *tally) bool {
	t.Helper()
	if strings.HasPrefix(recovered, "torn:") {
		t.Errorf("recovered %s", recovered)
		return false
	}
	for _, i := range h.open {
		// Killed: it has happened by the time of the recovery, or never.
		h.operations[i].Return, h.operations[i].Output = h.clock, "?"
	}
	for _, op := range h.operations {
		sum.count(op, recovered)
	}
	last := porcupine.Operation{ClientId: 99, Call: h.clock + 1, Return: h.clock + 2, Input: input{"get", "-", "-"}, Output: recovered}
	result := porcupine.CheckOperationsTimeout(model(h.initial), append(h.operations, last), time.Minute)
	if result != porcupine.Ok {
		t.Errorf("not linearizable (%s): from %s, recovered %s", result, h.initial, recovered)
		for _, op := range h.operations[max(0, len(h.operations)-40):] {
			t.Logf("%4d–%4d client %d %v: %v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
		}
		return false
	}
	return true
}

func (sum *tally) count(op porcupine.Operation, recovered string) {
	in := op.Input.(input)
	switch {
	case in.kind == "get":
		sum.Reads++
	case op.Output == "?":
		sum.Unanswered++
		if in.name == recovered {
			sum.UnansweredHappened++
		}
	case op.Output == "no":
		sum.Refused++
	default:
		sum.Answered++
	}
}

// model is a register whose state is the name of the version it holds.
func model(initial string) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, in, out any) []any { return step(state.(string), in.(input), out.(string)) },
	}
	return m.ToModel()
}

func step(state string, in input, out string) []any {
	if in.kind == "get" {
		if out == state || out == "?" {
			return []any{state}
		}
		return nil
	}
	holds := in.kind == "put" || in.kind == "new" && state == "-" || in.kind == "swap" && state == in.expected
	switch out {
	case "ok":
		if holds {
			return []any{in.name}
		}
		return nil
	case "no":
		if !holds {
			return []any{state}
		}
		return nil
	}
	if holds {
		return []any{state, in.name}
	}
	return []any{state}
}
