package httpserver

import (
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2"
)

// A stream is one request and its answer, RFC 9113, section 5. A session knows
// it until its answer is written, and its Handler done.
type stream struct {
	reading
	id     uint32
	begun  time.Time
	body   upload
	in     int64 // bytes that the Handler has read
	served bool  // a Handler sees it, and it is not accounted for

	// What follows is under the session's mu.
	status int    // of the answer; 0 while there is none
	out    int64  // bytes of its body that were sent
	window int64  // what the client lets us send; SETTINGS can make it negative
	rest   []byte // of the answer's body
	queued bool   // for its turn
	over   bool   // all is sent, but the client has not ended its body
	cut    bool   // reset, by either side
}

// serve has st answered. What may wait, for its body or for the disk, does so
// in a goroutine of its own.
func (s *session) serve(st *stream) {
	st.served = true
	if st.body.ended && (st.req.Method == http.MethodGet || st.req.Method == http.MethodHead) {
		s.exchange(st)
		return
	}
	s.handlers.Go(func() {
		s.exchange(st)
		s.flush()
	})
}

func (s *session) exchange(st *stream) {
	st.req.ID, st.req.Body, st.req.Peer, st.req.Trusted = api.NewID(), &st.body, s.c.peer, s.e.options.Trusted
	resp := s.e.answer(s.e.base, &st.req)
	s.respond(st, &resp)
}

// respond puts the answer into the outbox: whole, if it is small and the
// windows are open, so that it goes out in one record.
func (s *session) respond(st *stream, resp *api.Response) {
	section := s.e.sections.of(resp, st.begun)
	if id := named(s.e.terms.Load(), &st.req, resp.Status); id != "" {
		section = s.e.sections.with(section, "x-request-id", id)
	}
	body := resp.Body
	if st.req.Method == http.MethodHead || resp.Status == http.StatusNotModified {
		body = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, size := &s.outbox, len(body)
	if size < record && len(o.frames)+len(section)+size > record {
		s.emit()
	}
	st.status = resp.Status
	st.body.close(errAnswered)
	if st.cut || o.closed {
		s.close(st)
		s.account(st)
		return
	}
	o.headers(st.id, section, size == 0)
	st.rest = body
	switch room := record - frameHeader - len(o.frames); {
	case size == 0:
		s.finish(st)
	case size <= room && int64(size) <= min(st.window, s.limits.out) && len(o.bodies) == 0:
		s.data(st, room)
	default:
		s.queue(st)
	}
}

// finish is for a stream whose answer is in the outbox as a whole.
func (s *session) finish(st *stream) {
	s.outbox.ending = append(s.outbox.ending, st)
	if st.endless() {
		s.reset(st.id, http2.ErrCodeNo)
	}
}

// endless says that the client goes on sending although it is answered, and so
// is asked not to, RFC 9113, section 8.1. Asked at once, some clients would take
// it for an error and not read the answer.
func (st *stream) endless() bool {
	u := &st.body
	return !u.ended && (u.err == os.ErrDeadlineExceeded || u.window < uploadWindow/4)
}

// sent is for a stream whose answer is out as a whole.
func (s *session) sent(st *stream) {
	s.account(st)
	if st.body.ended || st.cut {
		s.close(st)
		return
	}
	st.over = true
}

// account counts a request that a Handler has seen, once nothing more is sent.
func (s *session) account(st *stream) {
	if st.served {
		st.served = false
		took := s.e.answered(st.req.Method, st.status, st.begun, st.in, st.out)
		if s.e.logs(s.e.terms.Load()) {
			s.e.access(&st.req, exchange{"HTTP/2.0", s.c.RemoteAddr(), st.status, took, st.in, st.out})
		}
	}
}

// close forgets a stream but for its number.
func (s *session) close(st *stream) {
	delete(s.streams, st.id)
	s.recent.add(st.id, !st.body.ended)
	if len(s.streams) == 0 && s.leaving {
		s.c.wake()
	}
}

// reset ends a stream at once. Its Handler, if there is one, ends when its body
// does.
func (s *session) reset(id uint32, code http2.ErrCode) {
	s.outbox.reset(id, code)
	if st := s.streams[id]; st != nil {
		s.abandon(st, io.ErrUnexpectedEOF)
		return
	}
	s.recent.add(id, true)
}

// abandon takes back what a stream has queued, and ends its body with err.
func (s *session) abandon(st *stream, err error) {
	if st.cut {
		return
	}
	st.cut = true
	st.body.close(err)
	if st.served && st.status == 0 {
		return // respond will close it
	}
	if st.status != 0 && len(st.rest) == 0 && !st.over {
		return // settle will: all of it is in the outbox
	}
	st.rest = nil
	s.dequeue(st)
	s.close(st)
	s.account(st)
}

func (s *session) dequeue(st *stream) {
	bodies := s.outbox.bodies
	for i := range bodies {
		if bodies[i] == st {
			s.outbox.bodies = append(bodies[:i:i], bodies[i+1:]...)
			return
		}
	}
}

// recent is the numbers of some streams that have ended: frames for them may
// still be under way, section 5.1.
type recent struct {
	ids  [32]uint32
	next int
}

const early = math.MaxInt32 + 1 // the bit of a number that frames do not have

// add remembers id, and whether it ended before the client had ended it.
func (r *recent) add(id uint32, before bool) {
	if before {
		id |= early
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

// end says that the client has ended id too.
func (r *recent) end(id uint32) {
	for i, known := range r.ids {
		if known == id|early {
			r.ids[i] = id
		}
	}
}

// has says whether id has ended lately, and whether before its client's end of it.
func (r *recent) has(id uint32) (ended, before bool) {
	for _, known := range r.ids {
		if known&^early == id {
			return true, known&early != 0
		}
	}
	return false, false
}
