package connlimit

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// evictionBatch is how many connections one search finds at most. The cost of
	// the search is spread over that many evictions.
	evictionBatch = 64
	// minActive is how long a connection with a request is kept in any case.
	minActive = time.Second
	// searchInterval is the shortest time between two searches where the first
	// found less than a batch: an attacker who keeps every connection busy must
	// not make the server search for each new one.
	searchInterval = 100 * time.Millisecond
)

// A Quota limits how many connections, or requests, of one kind are in progress.
// Beyond the limit, the connection of that kind which has waited the longest is
// closed.
type Quota struct {
	conns   *Set
	queue   queue
	limit   atomic.Int64 // 0 is no limit
	current atomic.Int64
}

// NewQuota returns a quota over the connections of a set for which eligible
// returns true.
func NewQuota(conns *Set, eligible func(Wait) bool) *Quota {
	return &Quota{conns: conns, queue: queue{eligible: eligible}}
}

// SetLimit puts another limit in force, 0 for none.
func (q *Quota) SetLimit(n int) { q.limit.Store(int64(n)) }

// Acquire counts one more. If the quota is exceeded, it returns the connection to
// close; ok is false if there is none. Every Acquire needs one Release.
func (q *Quota) Acquire() (evicted Conn, ok bool) {
	limit := q.limit.Load()
	if n := q.current.Add(1); limit == 0 || n <= limit {
		return nil, true
	}
	q.conns.mu.Lock()
	defer q.conns.mu.Unlock()
	evicted = q.conns.evict(&q.queue)
	return evicted, evicted != nil
}

// Release takes back one Acquire.
func (q *Quota) Release() { q.current.Add(-1) }

// A queue finds the connections that have waited for their clients the
// longest. Connections without a request come first: those in the TLS handshake,
// idle ones, and those in a request's header. Then come those whose request has
// taken longer than minActive. Of both, those of the address that has the most of
// them come first: a client that connects fast must not outlast one that is slow.
type queue struct {
	eligible func(Wait) bool // nil for every connection
	found    []waiting
	next     time.Time // of the next search
}

type waiting struct {
	conn Conn
	Wait
	crowd int // the binary logarithm of how many were found of the same address
}

// pop returns the connection to close, nil if there is none.
func (q *queue) pop(open map[Conn]struct{}) Conn {
	c := q.popFound(open)
	if now := time.Now(); c == nil && now.After(q.next) {
		q.search(open, now)
		c = q.popFound(open)
	}
	return c
}

// popFound returns the first connection found that still waits for the same
// thing. Connections that began to wait after the search have waited less.
func (q *queue) popFound(open map[Conn]struct{}) Conn {
	for len(q.found) > 0 {
		w := q.found[0]
		q.found = q.found[1:]
		if _, ok := open[w.conn]; ok && w.conn.Wait() == w.Wait {
			return w.conn
		}
	}
	return nil
}

func (q *queue) search(open map[Conn]struct{}, now time.Time) {
	var found []waiting
	held := map[netip.Prefix]int{}
	for c := range open {
		w := waiting{conn: c, Wait: c.Wait()}
		if (w.Phase < Active || now.Sub(w.Since) > minActive) && (q.eligible == nil || q.eligible(w.Wait)) {
			found = append(found, w)
			held[c.Address()]++
		}
	}
	for i, w := range found {
		found[i].crowd = bits.Len(uint(held[w.conn.Address()]))
	}
	slices.SortFunc(found, func(a, b waiting) int {
		// The quotient is 1 for Active, and 0 for the phases before it.
		return cmp.Or(cmp.Compare(a.Phase/Active, b.Phase/Active), cmp.Compare(b.crowd, a.crowd), a.Since.Compare(b.Since))
	})
	if len(found) < evictionBatch {
		q.next = now.Add(searchInterval)
	}
	q.found = slices.Clone(found[:min(len(found), evictionBatch)])
}
