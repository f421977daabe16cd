package connlimit

import "sync/atomic"

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
	evicted = q.conns.evict(&q.queue)
	return evicted, evicted != nil
}

// Release takes back one Acquire.
func (q *Quota) Release() { q.current.Add(-1) }
