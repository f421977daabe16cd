package state

import (
	"context"
	"sync/atomic"
	"time"
)

// A pendingWrite is one write on its way from Replace to the commit loop and
// back.
type pendingWrite struct {
	condition  Condition
	version    *Version
	enqueuedAt time.Time
	claimed    atomic.Bool
	err        error // set before done is closed
	done       chan struct{}
}

func newPendingWrite(c Condition, data []byte) *pendingWrite {
	return &pendingWrite{condition: c, version: newVersion(data), enqueuedAt: time.Now(), done: make(chan struct{})}
}

// wait returns the result of the write, or the error of ctx if ctx ends before
// the commit begins.
func (w *pendingWrite) wait(ctx context.Context) (*Version, error) {
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.tryClaim() {
			return nil, ctx.Err()
		}
		<-w.done
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.version, nil
}

// tryClaim reports whether the caller is the first one. If that is the commit
// loop, it has to call complete; if it is wait, the write does not happen.
func (w *pendingWrite) tryClaim() bool { return !w.claimed.Swap(true) }

// complete gives wait the result of the write.
func (w *pendingWrite) complete(err error) {
	w.err = err
	close(w.done)
}
