package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"foobar/src/config"
	"foobar/src/state"
)

// operations are a read and a write.
var operations = map[string]func(*fixture, *testing.T) error{
	"read": func(f *fixture, t *testing.T) error {
		_, err := f.Read(t.Context())
		return err
	},
	"write": func(f *fixture, t *testing.T) error { return f.write(t, "new", nil) },
}

// TestTimeoutOfTheSecondCaller has a caller wait behind another one while no member
// answers. Its time begins with itself, and not with its own call: cluster.timeout bounds
// both together.
func TestTimeoutOfTheSecondCaller(t *testing.T) {
	const timeout = 2 * time.Second // with a shorter one, a busy machine decides
	for name, operation := range operations {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.config.Cluster.Timeout = config.Duration(timeout)
			if err := f.Apply(f.config); err != nil {
				t.Fatal(err)
			}
			f.expectNone(t)
			f.stopMonitor()
			f.member.gate.Lock()
			defer f.member.gate.Unlock()
			first := make(chan error, 1)
			go func() { first <- operation(f, t) }()
			time.Sleep(timeout / 2) // the first caller is to have half of its time left
			begun := time.Now()
			err := operation(f, t)
			if took := time.Since(begun); err == nil || took > timeout*5/4 {
				t.Errorf("error %v after %v", err, took)
			}
			<-first
		})
	}
}

// TestTryTimeout loses every call of the first try. cluster.try_timeout ends the try, and
// the second one is answered.
func TestTryTimeout(t *testing.T) {
	f := newFixture(t)
	if err := f.write(t, "old", nil); err != nil {
		t.Fatal(err)
	}
	f.member.mu.Lock()
	f.member.lostRanges = maxHedgedCalls
	f.member.mu.Unlock()
	f.expect(t, "old")
	lost := 0
	f.member.mu.Lock()
	f.member.intercept = func(apply func()) error {
		if lost++; lost <= maxHedgedCalls {
			return errNoAnswer
		}
		apply()
		return nil
	}
	f.member.mu.Unlock()
	if err := f.write(t, "new", is("old")); err != nil {
		t.Error(err)
	}
	f.expect(t, "new")
}

// TestLateAnswer checks that a write whose call ends a little after cluster.timeout has the
// result of the call, and that it waits for no call that takes longer.
func TestLateAnswer(t *testing.T) {
	for late, want := range map[time.Duration]error{lateTimeout - 1: state.ErrNoSpace, lateTimeout + 1: state.ErrUnknownOutcome} {
		synctest.Test(t, func(t *testing.T) {
			w := &pendingWrite{done: make(chan struct{})}
			w.phase.Store(claimed)
			time.AfterFunc(late, func() {
				w.err = state.ErrNoSpace
				close(w.done)
			})
			if err := w.late(); !errors.Is(err, want) {
				t.Errorf("a call that ends after %v: error %v, want %v", late, err, want)
			}
		})
	}
}
