package httpserver

import (
	"math"
	"time"

	"golang.org/x/net/http2"
)

// A parting is how far a session has come in ending without cutting anybody
// off, RFC 9113, section 6.8: GOAWAY asks the client to open no more streams;
// later, a second one says which was the last that is answered.
type parting struct {
	asked time.Time // the client
	heard bool      // that it has read so
	said  bool      // which stream was the last
}

// partingPing tells that what was sent before it has been read.
var partingPing = [8]byte{'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e'}

// part takes the steps that are due, if the session is to end, and says how
// long until the next; it is woken when there are others. A client that has not
// asked for anything yet has a while for that.
func (s *session) part(now time.Time) (time.Duration, error) {
	p := &s.parting
	replaced, ending := s.c.plans()
	if p.asked.IsZero() {
		switch wait := arriving - now.Sub(s.c.since); {
		case !replaced && !s.e.draining.Load(), s.lastID == 0 && !ending:
			return math.MaxInt64, nil
		case s.lastID == 0 && wait > 0:
			return wait, nil
		}
		p.asked = now
		s.outbox.goAway(largestStream, http2.ErrCodeNo)
		s.outbox.ping(0, partingPing)
	}
	if !p.said {
		if wait := s.patience(ending) - now.Sub(p.asked); wait > 0 {
			return wait, nil
		}
		p.said, s.leaving = true, true
		s.outbox.goAway(s.lastID, http2.ErrCodeNo)
	}
	if len(s.streams) == 0 {
		return 0, errDone
	}
	return math.MaxInt64, nil
}

// patience is how long an asked client may go on with what it has in mind.
func (s *session) patience(ending bool) time.Duration {
	switch {
	case !ending && s.e.draining.Load():
		return math.MaxInt64 // the Engine says when
	case !ending:
		return leaving
	case s.parting.heard:
		return 0
	}
	return settling
}
