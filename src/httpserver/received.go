package httpserver

import (
	"errors"
	"io"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2"
)

// greet says what the client may do, RFC 9113, section 3.4.
func (s *session) greet(t *terms) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.settings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: uploadWindow},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: headerList(t.Settings)},
	)
	s.outbox.open(0, uploadWindow-initialWindow)
}

// take reads the next frame and does what it asks. What is wrong with one
// stream ends that stream alone, section 5.4.
func (s *session) take(w *frameReader, t *terms) error {
	if !s.greeted {
		s.greeted = true
		return w.preface(t)
	}
	f, err := w.next(t)
	if err == nil {
		err = s.obey(f)
	}
	if err == nil {
		return nil
	}
	var se http2.StreamError
	if !errors.As(err, &se) || se.StreamID%2 == 0 {
		return wide(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if se.Code != http2.ErrCodeRefusedStream {
		s.e.options.Traffic.Refused(malformed)
	}
	s.lastID = max(s.lastID, se.StreamID)
	s.reset(se.StreamID, se.Code)
	return s.annoy()
}

// wide makes an error of a stream that the client cannot have one of the
// connection.
func wide(err error) error {
	var se http2.StreamError
	if errors.As(err, &se) {
		return http2.ConnectionError(se.Code)
	}
	return err
}

func (s *session) obey(f http2.Frame) error {
	if f, ok := f.(*http2.MetaHeadersFrame); ok {
		return s.headers(f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := f.(type) {
	case *http2.DataFrame:
		return s.body(f)
	case *http2.WindowUpdateFrame:
		return s.opened(f)
	case *http2.SettingsFrame:
		return s.settings(f)
	case *http2.PingFrame:
		return s.pinged(f)
	case *http2.RSTStreamFrame:
		return s.cancelled(f)
	case *http2.PriorityFrame:
		return s.prioritized(f)
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol) // section 8.4
	case *http2.GoAwayFrame:
		return nil // the client ends the connection when it has its answers
	}
	return s.annoy() // section 5.5: unknown ones mean nothing
}

// annoy counts a frame that brings no request on.
func (s *session) annoy() error {
	if s.noise++; s.noise > maxNoise {
		return errFlood
	}
	return nil
}

// headers is a request, section 8.3.1, or the trailers of one.
func (s *session) headers(f *http2.MetaHeadersFrame) error {
	id := f.StreamID
	switch {
	case id%2 == 0:
		return http2.ConnectionError(http2.ErrCodeProtocol) // section 5.1.1
	case id <= s.lastID:
		return s.trailers(f)
	case s.parting.said:
		return nil // section 6.8: the client has been told that it is not heard
	}
	s.lastID, s.active = id, time.Now()
	if f.HasPriority() && f.Priority.StreamDep == id {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	}
	st := &stream{id: id, begun: s.active}
	st.body.init(s, st, f.StreamEnded())
	if !s.admit(st) {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeRefusedStream} // section 5.1.2
	}
	err := st.take2(f)
	if errors.Is(err, errUnfit) {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol} // section 8.1.1
	}
	if err != nil {
		s.refuse(st, err)
		return nil
	}
	s.serve(st)
	return nil
}

// admit is false where there are too many streams.
func (s *session) admit(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.streams) >= maxStreams {
		return false
	}
	st.window = s.limits.initial
	s.streams[st.id] = st
	return true
}

// refuse answers a request that no Handler can.
func (s *session) refuse(st *stream, err error) {
	status, reason := judge(err)
	s.e.options.Traffic.Refused(reason)
	st.req = api.Request{ID: api.NewID(), ContentLength: st.req.ContentLength}
	body := []byte(sentence(err))
	if s.e.logs(s.e.terms.Load()) {
		s.e.access(&st.req, exchange{remote: s.c.RemoteAddr(), status: status, took: time.Since(st.begun), out: int64(len(body))})
	}
	s.respond(st, &api.Response{Status: status, ContentType: "text/plain; charset=utf-8", Body: body})
}

// trailers end a body, section 8.1. What they say means nothing here.
func (s *session) trailers(f *http2.MetaHeadersFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[f.StreamID]
	if st == nil {
		switch ended, before := s.recent.has(f.StreamID); {
		case before:
			s.recent.end(f.StreamID)
			return nil // section 5.1: it was under way
		case ended:
			return http2.ConnectionError(http2.ErrCodeStreamClosed)
		}
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	switch {
	case st.body.ended:
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeStreamClosed}
	case st.cut:
		return nil
	case !f.StreamEnded(), len(f.PseudoFields()) > 0:
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeProtocol}
	}
	return s.endBody(st)
}

// body is a part of one, section 6.1.
func (s *session) body(f *http2.DataFrame) error {
	size, data := int64(f.Length), f.Data()
	if f.StreamID > s.lastID && !s.parting.said || f.StreamID%2 == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if s.limits.in -= size; s.limits.in < 0 {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	st := s.streams[f.StreamID]
	if st == nil || st.cut || st.body.ended {
		s.giveBack(size)
		return s.unwanted(st, f)
	}
	s.giveBack(size - int64(len(data))) // padding
	if st.body.window -= size; st.body.window < 0 {
		s.giveBack(int64(len(data)))
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeFlowControl}
	}
	st.body.unread += size - int64(len(data))
	if len(data) == 0 && !f.StreamEnded() {
		return s.annoy()
	}
	st.body.take(data)
	if f.StreamEnded() || st.req.ContentLength >= 0 && st.body.received > st.req.ContentLength {
		return s.endBody(st)
	}
	if st.over && st.endless() {
		s.reset(st.id, http2.ErrCodeNo)
	}
	return nil
}

// unwanted judges DATA of a stream that is reset, or not one at all.
func (s *session) unwanted(st *stream, f *http2.DataFrame) error {
	_, before := s.recent.has(f.StreamID)
	if f.StreamEnded() {
		s.recent.end(f.StreamID)
	}
	if st != nil && !st.body.ended {
		st.body.ended = f.StreamEnded()
		before = true
	}
	if !before && f.StreamID <= s.lastID {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeStreamClosed}
	}
	if f.Length == 0 {
		return s.annoy()
	}
	return nil
}

// endBody wants a body to be as long as its Content-Length says, section 8.1.1.
func (s *session) endBody(st *stream) error {
	u := &st.body
	if n := st.req.ContentLength; n >= 0 && n != u.received {
		return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeProtocol}
	}
	u.ended = true
	u.close(io.EOF)
	if st.over {
		s.close(st)
	}
	return nil
}
