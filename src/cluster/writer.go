package cluster

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"foobar/src/state"
)

// The phases of a write.
const (
	waiting   int32 = iota // nothing of the write has been sent
	claimed                // a member may have the write
	abandoned              // its client has been told that nothing has changed
)

// A pendingWrite is one write on its way from replace to its commit and back.
type pendingWrite struct {
	condition  state.Condition
	version    *state.Version
	enqueuedAt time.Time
	phase      atomic.Int32
	err        error // set before done is closed
	done       chan struct{}
}

// replace makes data the state if c holds, and returns when a quorum has it.
func (s *session) replace(ctx context.Context, c state.Condition, data []byte) (*state.Version, error) {
	w := &pendingWrite{condition: c, version: state.NewVersion(data), enqueuedAt: time.Now(), done: make(chan struct{})}
	limit := time.After(s.timeout)
	s.writes.Callers.Add(1)
	defer s.writes.Callers.Add(-1)
	if err := enqueue(ctx, s, s.writes, w, limit); err != nil {
		return nil, err
	}
	select {
	case <-w.done:
		return w.version, w.err
	case <-limit:
		return w.version, w.late()
	}
}

// lateTimeout is how long a write waits for the end of its call after
// cluster.timeout: the call ends then, too, and whether it was sent makes the
// difference between an unchanged state and an unknown outcome.
const lateTimeout = 50 * time.Millisecond

// late returns the error of a write that has had its time.
func (w *pendingWrite) late() error {
	if w.phase.CompareAndSwap(waiting, abandoned) {
		return unavailable(errTimeout)
	}
	select {
	case <-w.done:
		return w.err
	case <-time.After(lateTimeout):
		return unknownOutcome(errTimeout)
	}
}

// commit evaluates the writes in their order, and makes the last one that is
// accepted the state. It tries again until cluster.timeout.
func (s *session) commit(batch []*pendingWrite) {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	var t *transaction
	base, _ := s.known()
	for try := 0; ; {
		if t == nil || !t.unresolved {
			if batch = claim(batch); len(batch) == 0 {
				return
			}
			t = newTransaction(batch, base)
		}
		current, err := s.tryCommit(ctx, t)
		switch {
		case err == nil && current == nil:
			s.complete(batch, t, nil)
			return
		case err == nil: // another service has written
			base = current
			continue
		}
		s.forget()
		for _, w := range batch {
			if !t.unresolved {
				w.phase.CompareAndSwap(claimed, waiting)
			}
		}
		if err := s.giveUp(ctx, try, err); err != nil {
			s.complete(batch, t, err)
			return
		}
		try++
	}
}

// claim returns the writes whose clients still wait. Whatever happens from now on,
// they are not told that nothing has changed.
func claim(batch []*pendingWrite) []*pendingWrite {
	return slices.DeleteFunc(batch, func(w *pendingWrite) bool {
		return !w.phase.CompareAndSwap(waiting, claimed) && w.phase.Load() == abandoned
	})
}

// complete ends the writes of a batch.
func (s *session) complete(batch []*pendingWrite, t *transaction, err error) {
	s.writes.Done()
	if err == nil && t.writes() {
		s.store.options.OnCommit(time.Since(batch[0].enqueuedAt), 0, len(t.last.Data))
	}
	for _, w := range batch {
		switch accepted := w.err == nil; {
		case err == nil:
		case t.unresolved && accepted:
			w.err = unknownOutcome(err)
		case t.unresolved:
			w.err = unavailable(err)
		default:
			w.err = err
		}
		close(w.done)
	}
}
