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
	// evictionBatch is over how many evictions the cost of a search is spread. It
	// finds twice as many connections at most, as some change before they are closed.
	evictionBatch = 64
	// minActive is how long a connection with a request is kept, unless it belongs to
	// a crowd.
	minActive = time.Second
	// CrowdShare is the part of a limit that an address may hold and is no crowd.
	CrowdShare = 32
	// searchInterval is the time between two searches, unless a batch was evicted
	// meanwhile: an attacker who keeps every connection busy must not make the server
	// search for each new one.
	searchInterval = 50 * time.Millisecond
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

// NewQuota returns a quota over the connections of a set. The function count
// returns how many of the kind a connection with that wait has.
func NewQuota(conns *Set, count func(Wait) int) *Quota {
	return &Quota{conns: conns, queue: queue{count: count}}
}

// SetLimit puts another limit in force, 0 for none.
func (q *Quota) SetLimit(n int) { q.limit.Store(int64(n)) }

// Acquire counts one more, of connection c. If the quota is exceeded, it returns the
// connection to close, or c if no other may be closed. Every Acquire needs one Release.
func (q *Quota) Acquire(c Conn) (evicted Conn) {
	limit := q.limit.Load()
	if n := q.current.Add(1); limit == 0 || n <= limit {
		return nil
	}
	q.conns.mu.Lock()
	defer q.conns.mu.Unlock()
	return q.conns.evict(&q.queue, c, int(limit))
}

// Release takes back one Acquire.
func (q *Quota) Release() { q.current.Add(-1) }

// A queue finds the connections that have waited for their clients the
// longest. Connections without a request come first: those in the TLS handshake,
// idle ones, and those in a request's header. Then come those whose request has
// taken longer than minActive. Of both, those of the address that has the most of
// them come first: a client that connects fast must not outlast one that is slow.
//
// An address that holds more than a part of the limit, and more than twice as much as
// another address, is a crowd beside that. The other address also closes connections of
// the crowd whose requests are younger than minActive: requests that are always young
// must not keep other clients out. A crowd that holds more than half of the limit closes
// no connection of the other address.
type queue struct {
	count func(Wait) int // of the kind, which a connection has

	// The result of the last search.
	searched time.Time
	found    []waiting
	evicted  int                  // of those found
	held     map[netip.Prefix]int // by each address
}

type waiting struct {
	conn Conn
	Wait
	rank int // 0 without a request, 1 with one, young with one in its first second
	held int // by its address
}

const young = 2

// evict removes the connection that q names to make room for the newcomer, and returns
// it. If there is none, it returns the newcomer.
func (s *Set) evict(q *queue, newcomer Conn, limit int) Conn {
	if time.Since(q.searched) > searchInterval || q.evicted >= evictionBatch {
		q.search(s.conns, limit)
	}
	held := q.held[newcomer.Address()]
	for {
		i := slices.IndexFunc(q.found, func(w waiting) bool {
			// Of small addresses, search has found no young ones.
			return isCrowd(w.held, held, 0) || w.rank != young && !isCrowd(held, w.held, limit/2)
		})
		if i < 0 {
			return newcomer
		}
		w := q.found[i]
		q.found = slices.Delete(q.found, i, i+1)
		// Connections that began to wait after the search have waited less.
		now := w.conn.Wait()
		same := now.Phase == w.Phase && now.Since == w.Since
		if _, ok := s.conns[w.conn]; ok && w.conn != newcomer && (same || w.rank == young) {
			q.evicted++
			s.delete(w.conn)
			return w.conn
		}
	}
}

// isCrowd reports whether an address that holds a has more than floor, and more than
// twice as much as an address that holds b would have with one more.
func isCrowd(a, b, floor int) bool { return a > max(floor, 2*(b+1)) }

func (q *queue) search(open map[Conn]struct{}, limit int) {
	var found []waiting
	q.searched, q.evicted, q.held = time.Now(), 0, map[netip.Prefix]int{}
	for c := range open {
		w := waiting{conn: c, Wait: c.Wait()}
		if w.rank = int(w.Phase / Active); w.rank > 0 && q.searched.Sub(w.Since) <= minActive {
			w.rank = young
		}
		if n := q.count(w.Wait); n > 0 {
			found = append(found, w)
			q.held[c.Address()] += n
		}
	}
	for i, w := range found {
		found[i].held = q.held[w.conn.Address()]
	}
	found = slices.DeleteFunc(found, func(w waiting) bool { return w.rank == young && !isCrowd(w.held, 0, limit/CrowdShare) })
	slices.SortFunc(found, func(a, b waiting) int {
		return cmp.Or(a.rank-b.rank, bits.Len(uint(b.held))-bits.Len(uint(a.held)), a.Since.Compare(b.Since))
	})
	q.found = slices.Clone(found[:min(len(found), 2*evictionBatch)])
}
