package api

import (
	"sync"
	"time"
)

// minShareTime is how long a client may hold its share of a budget in any case.
const minShareTime = time.Second

// A budget bounds the bytes that clients hold together: the versions of the state
// that they read, or the bodies that they send. Where there is no room for more,
// the requests that have held theirs the longest are cut off.
type budget struct {
	reason string // why a request is cut off, as a label of metrics

	mu     sync.Mutex
	limit  int64
	used   int64
	shares map[any]*share
}

// A share is the bytes that one or more requests hold.
type share struct {
	bytes    int64
	since    time.Time
	requests map[*Request]struct{}
}

func newBudget(reason string) *budget {
	return &budget{reason: reason, shares: map[any]*share{}}
}

func (b *budget) setLimit(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = bytes
}

// acquire gives r the share with that key, together with the requests that have
// it already, and sets the size of the share. It returns false if there is no
// room. A request with a share needs one release.
func (b *budget) acquire(key any, r *Request, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s == nil {
		s = &share{since: time.Now(), requests: map[*Request]struct{}{}}
	}
	more := bytes - s.bytes
	if more > 0 && !b.makeRoom(more, s) {
		return false
	}
	b.shares[key] = s
	s.requests[r] = struct{}{}
	s.bytes = bytes
	b.used += more
	return true
}

// makeRoom cuts off the oldest shares until there is room for more bytes. It
// returns false if that is the turn of s itself, or of a share that is not old.
func (b *budget) makeRoom(more int64, s *share) bool {
	for b.used+more > b.limit {
		key, oldest := b.oldest()
		if oldest == nil {
			return true // a state that is larger than a new limit can be read
		}
		if oldest == s || time.Since(oldest.since) < minShareTime {
			return false
		}
		b.remove(key)
		for r := range oldest.requests {
			if r.Conn != nil {
				r.Conn.CutOff(b.reason)
			}
		}
	}
	return true
}

func (b *budget) oldest() (key any, oldest *share) {
	for k, s := range b.shares {
		if oldest == nil || s.since.Before(oldest.since) {
			key, oldest = k, s
		}
	}
	return key, oldest
}

// release takes back the share of r, if it has not been cut off.
func (b *budget) release(key any, r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.shares[key]; s != nil {
		delete(s.requests, r)
		if len(s.requests) == 0 {
			b.remove(key)
		}
	}
}

func (b *budget) remove(key any) {
	b.used -= b.shares[key].bytes
	delete(b.shares, key)
}

// count returns the number of shares.
func (b *budget) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.shares)
}
