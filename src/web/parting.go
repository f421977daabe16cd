package web

import (
	"math"
	"time"

	"golang.org/x/net/http2"
)

// A parting is how far a session has come in ending without cutting anybody
// off, RFC 9113, section 6.8: GOAWAY asks the client to open no more streams;
// once it must have seen that, a second one says which was the last that is
// answered.
type parting struct {
	noticed time.Time // that there is a drain
	asked   time.Time // the client
	heard   bool      // that it has read so
	said    bool      // which stream was the last
}

// partingPing tells that what was sent before it has been read.
var partingPing = [8]byte{'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e'}

// part takes the steps that are due, if the session is to end, and says how
// long until the next. A client that has not asked for anything yet has a while
// for that.
func (s *session) part(now time.Time) (time.Duration, error) {
	p := &s.parting
	if p.noticed.IsZero() {
		if !s.c.isDraining() {
			return math.MaxInt64, nil
		}
		p.noticed = now
	}
	if p.asked.IsZero() {
		if wait := arriving - now.Sub(p.noticed); s.lastID == 0 && wait > 0 {
			return wait, nil
		}
		p.asked = now
		s.outbox.goAway(largestStream, http2.ErrCodeNo)
		s.outbox.ping(0, partingPing)
	}
	if !p.said {
		if wait := leaving - now.Sub(p.asked); !p.heard && wait > 0 {
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
