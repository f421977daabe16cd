package readers

import (
	"sync/atomic"

	"foobar/src/state"
)

// A Reader reads one version at a time. Its methods are for one goroutine.
type Reader struct {
	set     *Set
	cutOff  func()
	index   int // in Set.readers
	begun   bool
	reading atomic.Pointer[state.Version] // nil after a cut-off, too
}

// Begin returns the current version, nil if there is none. The version counts as
// being read until End.
func (r *Reader) Begin() *state.Version {
	for {
		v := r.set.current()
		r.reading.Store(v)
		// Enforce has overlooked a version that was replaced before the Store.
		if r.set.current() == v {
			r.begun = v != nil
			return v
		}
	}
}

// End ends the reading, if there was a version. It returns false if the reader was cut off
// meanwhile: the response may be incomplete, and the connection has to be closed.
func (r *Reader) End() bool {
	begun := r.begun
	r.begun = false
	return r.reading.Swap(nil) != nil || !begun
}
