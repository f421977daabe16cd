// Package readers bounds the memory of replaced versions of the state.
//
// A response refers to the version that was current when it began. A client that
// reads slowly keeps that version in memory after a write has replaced it, and a
// client that leaves one response of each version unread keeps all of them. This
// package knows which versions are being read, and cuts off the readers of the
// oldest ones when the replaced versions together exceed a limit.
//
// It does not bound the current version, uploads, or the buffers of connections,
// and it does not see a version that is used without a Reader.
//
// A server has one Set. It adds a Reader for each connection, or for each request
// of a protocol that multiplexes requests. Each response lies between Begin and
// End:
//
//	v := reader.Begin()
//	... write v.Data ...
//	if !reader.End() {
//		... close the connection ...
//	}
//
// Set.Enforce is called after each commit (state.Options.OnCommit). Begin and End
// need no lock and no memory that readers share.
package readers

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"foobar/src/state"
)

// A Set is the readers of one store. Its methods are safe for concurrent use.
type Set struct {
	current func() *state.Version

	mu      sync.Mutex
	limit   int64
	readers []*Reader
	last    *state.Version // that Enforce has seen
	// atMost is an upper bound of the bytes of the replaced versions that are
	// being read. While it is within the limit, no reader has to be looked at.
	atMost int64
}

// NewSet returns an empty set. The current function is state.Store.Current; the
// limit is that of the replaced versions that are being read, in bytes.
func NewSet(current func() *state.Version, limit int64) *Set {
	return &Set{current: current, limit: limit}
}

// SetLimit changes the limit, in bytes, from the next Enforce on.
func (s *Set) SetLimit(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// Add adds a reader. The cutOff function has to make the reader's goroutine call
// End soon, for instance by a write deadline in the past. It must neither block
// nor call the Set.
func (s *Set) Add(cutOff func()) *Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Reader{set: s, cutOff: cutOff, index: len(s.readers)}
	s.readers = append(s.readers, r)
	return r
}

// Remove removes a reader after its last End.
func (s *Set) Remove(r *Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.readers) - 1
	s.readers[r.index] = s.readers[last]
	s.readers[r.index].index = r.index
	s.readers[last] = nil
	s.readers = s.readers[:last]
}

// Enforce takes note of the current version, and cuts off the readers of the
// oldest versions until the others are within the limit. It returns the number of
// readers that it has cut off. From then on these do not count any more.
func (s *Set) Enforce() (cutOff int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.current()
	if s.last != nil && s.last != current {
		s.atMost += int64(len(s.last.Data))
	}
	s.last = current
	if s.atMost <= s.limit {
		return 0
	}
	replaced := s.replaced()
	s.atMost = size(replaced)
	oldestFirst := slices.SortedFunc(maps.Keys(replaced), func(a, b *state.Version) int {
		return cmp.Compare(a.Sequence(), b.Sequence())
	})
	for _, v := range oldestFirst {
		if s.atMost <= s.limit {
			break
		}
		for _, r := range replaced[v] {
			if r.reading.CompareAndSwap(v, nil) { // and has not reached End
				r.cutOff()
				cutOff++
			}
		}
		s.atMost -= int64(len(v.Data))
	}
	return cutOff
}

// Replaced returns the number of replaced versions that are being read, and
// their size in bytes.
func (s *Set) Replaced() (versions int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	replaced := s.replaced()
	return len(replaced), size(replaced)
}

// replaced returns the replaced versions that are being read, with their readers.
func (s *Set) replaced() map[*state.Version][]*Reader {
	current := s.current()
	found := map[*state.Version][]*Reader{}
	for _, r := range s.readers {
		if v := r.reading.Load(); v != nil && v != current {
			found[v] = append(found[v], r)
		}
	}
	return found
}

func size(versions map[*state.Version][]*Reader) (bytes int64) {
	for v := range versions {
		bytes += int64(len(v.Data))
	}
	return bytes
}
