package api

import (
	"sync"
	"sync/atomic"
	"time"
)

// minShareTime is how long a client may hold its share of a budget in any case.
const minShareTime = time.Second

// A budget bounds the bytes that clients hold together: the versions of the state
// that they read, or the bodies that they send. Where there is no room for more,
// the requests that have held theirs the longest are cut off.
type budget struct {
	// cutOff is called with the budget locked, and has to return at once.
	cutOff func(*Request)

	mu     sync.Mutex
	limit  atomic.Int64
	used   int64
	shares map[any]*share
}

// A share is the bytes that one or more requests hold.
type share struct {
	bytes    int64     // 0 after a cut-off
	since    time.Time // of the newest request; in the future where the share is kept
	cutOff   bool
	requests map[*Request]struct{}
}

func newBudget(cutOff func(*Request)) *budget {
	return &budget{cutOff: cutOff, shares: map[any]*share{}}
}

// acquire gives r the share with that key, together with the requests that have
// it already, and sets the size of the share. It returns false if there is no
// room. A request with a share needs one release.
func (b *budget) acquire(key any, r *Request, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s == nil {
		s = &share{requests: map[*Request]struct{}{}}
	}
	more := bytes - s.bytes
	if s.cutOff || more > 0 && !b.makeRoom(more, s) {
		return false
	}
	b.shares[key] = s
	if _, known := s.requests[r]; !known {
		s.requests[r], s.since = struct{}{}, time.Now()
	}
	s.bytes = bytes
	b.used += more
	return true
}

// makeRoom cuts off the oldest shares until there is room for more bytes. It
// returns false if that is the turn of s itself, or of a share that is not old.
func (b *budget) makeRoom(more int64, s *share) bool {
	for b.used+more > b.limit.Load() {
		oldest := b.oldest()
		if oldest == nil {
			return true // a state that is larger than a new limit can be read
		}
		if oldest == s || time.Since(oldest.since) < minShareTime {
			return false
		}
		b.used -= oldest.bytes
		oldest.bytes, oldest.cutOff = 0, true
		for r := range oldest.requests {
			b.cutOff(r)
		}
	}
	return true
}

func (b *budget) oldest() (oldest *share) {
	for _, s := range b.shares {
		if !s.cutOff && (oldest == nil || s.since.Before(oldest.since)) {
			oldest = s
		}
	}
	return oldest
}

// keep makes sure that a share, if there is one, is not cut off any more. It
// returns false if that has happened.
func (b *budget) keep(key any) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s == nil {
		return true
	}
	s.since = time.Now().Add(24 * time.Hour)
	return !s.cutOff
}

// release takes back the share of r, if it has one.
func (b *budget) release(key any, r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s == nil {
		return
	}
	delete(s.requests, r)
	if len(s.requests) == 0 {
		b.used -= s.bytes
		delete(b.shares, key)
	}
}

// count returns the number of shares, those included whose requests have not ended
// since they were cut off.
func (b *budget) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.shares)
}
