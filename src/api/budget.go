package api

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/connlimit"
)

// minShareTime is how long a request keeps its share of a budget, unless its address is
// a crowd.
const minShareTime = time.Second

// A budget bounds the bytes that clients hold together: the versions of the state
// that they read, or the bodies that they send. Where there is no room for more,
// requests are cut off: first those of crowds, and then those that have held their share
// the longest.
//
// An address that holds more than a part of the budget, and more than another address
// would hold, is a crowd beside that, as in package connlimit. The other address also
// cuts off requests of the crowd that are younger than minShareTime. A crowd that holds
// more than half of the budget cuts off no request of the other address.
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
	bytes        int64                       // 0 after a cut-off
	since        time.Time                   // of the newest request
	cutOff, kept bool                        // a share that is kept is not cut off any more
	requests     map[netip.Prefix][]*Request // by address
	// held is what the crowd holds that the share belongs to, or what no crowd holds. It
	// orders the shares when one has to make room.
	held int64
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
		s = &share{requests: map[netip.Prefix][]*Request{}}
	}
	more := bytes - s.bytes
	if s.cutOff || more > 0 && b.used+more > b.limit.Load() && !b.makeRoom(more, r, s) {
		return false
	}
	b.shares[key] = s
	if requests := s.requests[r.Address]; !slices.Contains(requests, r) {
		s.requests[r.Address], s.since = append(requests, r), time.Now()
	}
	s.bytes = bytes
	b.used += more
	return true
}

// makeRoom cuts off shares until there is room for more bytes of r. It returns false if
// that is the turn of own, the share of r, or if no other share may be cut off.
func (b *budget) makeRoom(more int64, r *Request, own *share) bool {
	for _, s := range b.candidates(more, r) {
		if s == own {
			return false
		}
		b.used -= s.bytes
		s.bytes, s.cutOff = 0, true
		for _, requests := range s.requests {
			for _, r := range requests {
				b.cutOff(r)
			}
		}
		if b.used+more <= b.limit.Load() {
			return true
		}
	}
	return b.used == 0 // a state that is larger than a new limit can be read
}

// candidates returns the shares that may be cut off to make room for more bytes of r:
// those of crowds, the largest crowd first, then the others, and of each the oldest first.
func (b *budget) candidates(more int64, r *Request) (list []*share) {
	byAddress, limit := map[netip.Prefix]int64{}, b.limit.Load()
	for _, s := range b.shares {
		for address := range s.requests {
			byAddress[address] += s.bytes
		}
	}
	own := byAddress[r.Address]
	floor := max(limit/connlimit.CrowdShare, own+more) // what no crowd holds
	for _, s := range b.shares {
		held := b.used
		for address := range s.requests {
			held = min(held, byAddress[address])
		}
		old := time.Since(s.since) >= minShareTime && own <= max(limit/2, held)
		if s.held = max(held, floor); !s.cutOff && !s.kept && (held > floor || old) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *share) int { return cmp.Or(cmp.Compare(b.held, a.held), a.since.Compare(b.since)) })
	return list
}

// keep makes sure that a share, if there is one, is not cut off any more. It
// returns false if that has happened.
func (b *budget) keep(key any) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s != nil {
		s.kept = true
	}
	return s == nil || !s.cutOff
}

// release takes back the share of r, if it has one.
func (b *budget) release(key any, r *Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[key]
	if s == nil {
		return
	}
	requests := slices.DeleteFunc(s.requests[r.Address], func(other *Request) bool { return other == r })
	if s.requests[r.Address] = requests; len(requests) == 0 {
		delete(s.requests, r.Address)
	}
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
