package httpserver

import (
	"io"

	"golang.org/x/net/http2"
)

// opened is a WINDOW_UPDATE, RFC 9113, section 6.9. A client that opens windows
// by crumbs gets answers in crumbs, for some time.
func (s *session) opened(f *http2.WindowUpdateFrame) error {
	if f.StreamID == 0 {
		if s.limits.out += int64(f.Increment); s.limits.out > largestWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
	} else if s.idle(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	} else if st := s.streams[f.StreamID]; st != nil {
		if st.window += int64(f.Increment); st.window > largestWindow {
			return http2.StreamError{StreamID: st.id, Code: http2.ErrCodeFlowControl}
		}
		s.queue(st)
	}
	if f.Increment < crumb {
		return s.annoy()
	}
	return nil
}

// idle says whether the client has not opened a stream, section 5.1.
func (s *session) idle(id uint32) bool {
	return id%2 == 0 || id > s.lastID && !s.parting.said
}

// settings are the client's, section 6.5. Of those that are not here, some
// limit what is never done (push, extended CONNECT), and some are at least what
// is made use of: frames are not larger than the smallest SETTINGS_MAX_FRAME_SIZE,
// and header sections do without the table, see sections.
func (s *session) settings(f *http2.SettingsFrame) error {
	s.settled = true
	if f.IsAck() {
		return s.annoy()
	}
	initial := s.limits.initial
	err := f.ForeachSetting(func(v http2.Setting) error {
		if v.ID == http2.SettingInitialWindowSize {
			initial = int64(v.Val)
		}
		return v.Valid()
	})
	if err != nil {
		return err
	}
	for _, st := range s.streams {
		// Section 6.9.2: all windows change by the difference, and may be
		// negative then.
		if st.window += initial - s.limits.initial; st.window > largestWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		s.queue(st)
	}
	s.limits.initial = initial
	s.outbox.ackSettings()
	return s.annoy()
}

// pinged is a PING, section 6.7, or the answer to ours.
func (s *session) pinged(f *http2.PingFrame) error {
	if f.IsAck() {
		s.parting.heard = f.Data == partingPing
	} else {
		s.outbox.ping(http2.FlagPingAck, f.Data)
	}
	return s.annoy()
}

// cancelled is an RST_STREAM, section 6.4. The client could send requests that
// it resets at once in any number; each counts as noise until it is done with,
// and holds its place among maxStreams while a Handler works on it.
func (s *session) cancelled(f *http2.RSTStreamFrame) error {
	if s.idle(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if st := s.streams[f.StreamID]; st != nil {
		st.body.ended = true
		s.abandon(st, io.ErrUnexpectedEOF)
	}
	s.recent.end(f.StreamID)
	return s.annoy()
}

// prioritized is a PRIORITY, which section 5.3.2 has deprecated.
func (s *session) prioritized(f *http2.PriorityFrame) error {
	if f.StreamDep == f.StreamID {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
	}
	return s.annoy()
}
