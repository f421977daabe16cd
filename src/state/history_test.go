package state

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A tally shows at which moments the kills came, and what the calls led to.
type tally struct {
	Acknowledged, Refused, Reads       int
	WithoutResult, HappenedNonetheless int
	KilledInRecovery                   int
}

// A history holds the calls of the clients from one recovery to the next.
type history struct {
	initial    string // the version that was recovered
	operations []porcupine.Operation
	open       map[string]int // indexes of the operations without a result, by the number of the call
	clock      int64          // number of the line
}

type input struct{ kind, name, expected string }

// add reads the lines of one process. An R line ends the history of the process
// before it, which is then checked, and begins the next history.
func (h *history) add(t *testing.T, lines []string, sum *tally) bool {
	t.Helper()
	recovered := false
	for _, line := range lines {
		h.clock++
		f := strings.Fields(line)
		switch f[0] {
		case "R":
			recovered = true
			if !h.check(t, f[1], sum) {
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

// check checks the history, given the version that was recovered after it.
func (h *history) check(t *testing.T, recovered string, sum *tally) bool {
	t.Helper()
	if strings.HasPrefix(recovered, "torn:") {
		t.Errorf("recovered %s", recovered)
		return false
	}
	for _, i := range h.open {
		// The process was killed: the call has an effect before the recovery or
		// never.
		h.operations[i].Return, h.operations[i].Output = h.clock, "?"
	}
	for _, op := range h.operations {
		sum.count(op, recovered)
	}
	last := porcupine.Operation{ClientId: 99, Call: h.clock + 1, Return: h.clock + 2, Input: input{"get", "-", "-"}, Output: recovered}
	result := porcupine.CheckOperationsTimeout(registerModel(h.initial), append(h.operations, last), time.Minute)
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
		sum.WithoutResult++
		if in.name == recovered {
			sum.HappenedNonetheless++
		}
	case op.Output == "refused":
		sum.Refused++
	default:
		sum.Acknowledged++
	}
}

// registerModel is a register with compare and swap. Its state is the name of the
// version.
func registerModel(initial string) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, in, out any) []any { return nextStates(state.(string), in.(input), out.(string)) },
	}
	return m.ToModel()
}

// nextStates returns the states that the register may be in after a call with the
// given result; "?" is no result.
func nextStates(state string, in input, out string) []any {
	if in.kind == "get" {
		if out == state || out == "?" {
			return []any{state}
		}
		return nil
	}
	holds := in.kind == "put" || in.kind == "create" && state == "-" || in.kind == "swap" && state == in.expected
	switch out {
	case "ok":
		if holds {
			return []any{in.name}
		}
		return nil
	case "refused":
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
