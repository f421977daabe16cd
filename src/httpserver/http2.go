package httpserver

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// maxStreams bounds the requests of one connection at a time.
	maxStreams = 100
	// uploadWindow is how many bytes of bodies a connection may have sent that
	// no Handler has read: what it can make us keep.
	uploadWindow = 1 << 20
	// maxNoise bounds the frames that bring no request on, RFC 9113, section
	// 10.5, such as PING. An answer that went out makes up for some of them.
	maxNoise = 1000
	quietens = 10

	// What section 6.5.2 has in force before SETTINGS say otherwise, and the
	// largest window, section 6.9.1.
	initialWindow  = 65535
	initialFrame   = 16384
	initialTable   = 4096
	largestWindow  = 1<<31 - 1
	largestStream  = 1<<31 - 1
	fieldOverhead  = 32 // of a header field's size, section 6.5.2
	fieldsExpected = 10
)

// A session is a connection of HTTP/2, RFC 9113. Package http2 parses and
// judges its frames, package hpack its header sections. One goroutine reads,
// and answers what needs no waiting: GET and HEAD without a body. The others
// have a goroutine each, and large answers are written by one of their own, so
// that reading goes on.
type session struct {
	e        *Engine
	c        *conn
	decoder  *hpack.Decoder
	handlers sync.WaitGroup // and writers

	// Of the goroutine that reads.
	greeted bool      // the client's preface is here
	settled bool      // and its first SETTINGS
	lastID  uint32    // the latest stream
	active  time.Time // when the latest request came
	parting parting

	mu      sync.Mutex
	written *sync.Cond // there is no writer any more
	streams map[uint32]*stream
	recent  recent
	noise   int
	leaving bool // once no stream is left
	limits  windows
	outbox  outbox
}

// Windows are those of the connection, section 6.9.
type windows struct {
	in      int64 // what the client may send
	unread  int64 // of what it has sent, read and not yet said to be
	out     int64 // what we may send
	initial int64 // what we may send on a new stream
}

func newSession(e *Engine, c *conn) *session {
	s := &session{e: e, c: c, active: time.Now(), streams: map[uint32]*stream{}}
	s.decoder = hpack.NewDecoder(initialTable, nil)
	s.written = sync.NewCond(&s.mu)
	s.outbox.buffers = &e.buffers
	s.limits = windows{in: uploadWindow, out: initialWindow, initial: initialWindow}
	return s
}

// serve2 serves HTTP/2 until the connection ends.
func (e *Engine) serve2(c *conn) {
	s := newSession(e, c)
	c.wakes()
	s.greet(e.terms.Load())
	s.end(s.run())
}

// errDone ends a session that has nothing left to do.
var errDone = errors.New("the session is over")

// run reads until there is an error, of which errDone is the good one. A
// connection without anything to read has but a small buffer.
func (s *session) run() error {
	head := make([]byte, firstRead)
	for {
		n, err := s.await(head)
		if err != nil {
			return err
		}
		t := s.e.terms.Load()
		w := t.frames.Get().(*frameReader)
		w.reset(s, head[:n])
		for err == nil && w.more() {
			err = s.take(w, t)
		}
		if err != nil {
			return err // and w may be in the middle of something
		}
		w.reset(nil, nil)
		t.frames.Put(w)
	}
}

// await returns the first bytes of frames. While it waits it sees to what time
// brings.
func (s *session) await(head []byte) (int, error) {
	for {
		limit, err := s.due(time.Now())
		if err != nil {
			return 0, err
		}
		s.flush()
		n, err := s.c.doze(head, limit)
		if n > 0 {
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
	}
}

// due does what time has come for, and says how long it may take until there
// is something again.
func (s *session) due(now time.Time) (time.Duration, error) {
	t := s.e.terms.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	limit, err := s.part(now)
	if err != nil {
		return 0, err
	}
	for _, st := range s.streams {
		held := t.Body + t.Response
		if st.over {
			held = t.Body
		}
		switch held -= now.Sub(st.begun); {
		case held > 0:
			limit = min(limit, held)
		case st.over:
			s.reset(st.id, http2.ErrCodeNo)
		default:
			return 0, errHeld
		}
	}
	idle := t.Idle
	if !s.settled {
		idle = t.Header
	}
	if len(s.streams) == 0 {
		idle -= now.Sub(s.active)
	}
	if idle <= 0 {
		return 0, errDone
	}
	return min(limit, idle), nil
}

// errHeld says that the client has kept a request open for too long, such as
// by never opening the window that the response needs.
var errHeld = errors.New("a request was held open")

// end says good-bye if err allows, ends every stream, and waits for the
// Handlers.
func (s *session) end(err error) {
	code, polite := s.judge(err)
	stay := lingerTime
	if code == http2.ErrCodeNo {
		stay = settling // nothing is under way
	}
	s.mu.Lock()
	for _, st := range s.streams {
		s.abandon(st, io.ErrUnexpectedEOF)
	}
	s.outbox.closed = true
	if polite && !(s.parting.said && code == http2.ErrCodeNo) {
		s.outbox.goAway(s.lastID, code)
	}
	s.mu.Unlock()
	if polite {
		s.c.SetWriteDeadline(time.Now().Add(lingerTime)) // also of who writes now
		s.flush()
		s.mu.Lock()
		for s.outbox.writing {
			s.written.Wait()
		}
		s.mu.Unlock()
		s.c.lingerFor(stay)
	}
	s.c.abort()
	s.handlers.Wait()
	for _, st := range s.streams {
		s.account(st)
	}
}

// judge says with which code, section 7, a session ends, and whether the client
// is told.
func (s *session) judge(err error) (code http2.ErrCode, polite bool) {
	var ce http2.ConnectionError
	switch {
	case errors.Is(err, errDone):
		return http2.ErrCodeNo, true
	case errors.As(err, &ce):
		s.e.options.Traffic.Refused(malformed)
		return http2.ErrCode(ce), true
	case errors.Is(err, errFlood):
		s.e.options.Traffic.Refused(flood)
		return http2.ErrCodeEnhanceYourCalm, true
	case errors.Is(err, http2.ErrFrameTooLarge), errors.Is(err, errShort):
		s.e.options.Traffic.Refused(malformed)
		return http2.ErrCodeFrameSize, true
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.e.options.Traffic.Refused(tooSlow)
		return http2.ErrCodeNo, true
	case errors.Is(err, errGone):
		s.e.options.Traffic.Refused(gone)
	}
	return http2.ErrCodeNo, false
}
