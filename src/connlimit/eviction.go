package connlimit

import (
	"slices"
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

// A queue finds the connections that have waited for their clients the
// longest. Connections without a request come first: those in the TLS handshake,
// idle ones, and those in a request's header. Then come those whose request has
// taken longer than minActive.
type queue struct {
	eligible func(Wait) bool // nil for every connection
	found    []waiting
	next     time.Time // of the next search
}

// waiting is a connection and its wait.
type waiting struct {
	conn Conn
	Wait
}

func (w waiting) active() bool { return w.Phase == Active }

// take returns the connection to close, nil if there is none.
func (q *queue) take(open map[Conn]struct{}) Conn {
	if c := q.takeFound(open); c != nil {
		return c
	}
	if now := time.Now(); now.After(q.next) {
		q.search(open, now)
	}
	return q.takeFound(open)
}

// takeFound returns the first connection found that still waits for the same
// thing. Connections that began to wait after the search have waited less.
func (q *queue) takeFound(open map[Conn]struct{}) Conn {
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
	for c := range open {
		w := waiting{c, c.Wait()}
		if (!w.active() || now.Sub(w.Since) > minActive) && (q.eligible == nil || q.eligible(w.Wait)) {
			found = append(found, w)
		}
	}
	slices.SortFunc(found, func(a, b waiting) int {
		switch {
		case a.active() == b.active():
			return a.Since.Compare(b.Since)
		case b.active():
			return -1
		}
		return 1
	})
	if len(found) < evictionBatch {
		q.next = now.Add(searchInterval)
	}
	q.found = slices.Clone(found[:min(len(found), evictionBatch)])
}
