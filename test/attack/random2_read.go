package attack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/net/http2"
)

// read processes frames until the connection ends.
func (c *random2) read() {
	for {
		frame, err := c.h.ReadFrame()
		c.mu.Lock()
		now := time.Now()
		c.longestPause, c.lastFrame = max(c.longestPause, now.Sub(c.lastFrame)), now
		if err == nil {
			err = c.process(frame)
		} else {
			err = c.endError(err)
		}
		if err != nil && c.err == nil && err != io.EOF {
			c.err = err
		}
		c.ended = c.ended || err != nil
		c.changed.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// goAwayTimeout is how long net/http keeps a connection of HTTP/2 after its last response,
// once it has sent GOAWAY.
const goAwayTimeout = time.Second

// isLate reports whether the connection has ended because the client was not run for some
// time, as on a machine that is too busy. The server closes a connection that is idle for
// timeouts.idle, or that reads nothing for timeouts.response. One that is reset loses what
// the client has not read, the GOAWAY among it.
func (c *random2) isLate(end error) bool {
	return c.longestPause >= c.t.Timeout || c.longestPause >= goAwayTimeout && errors.Is(end, syscall.ECONNRESET)
}

// endError returns io.EOF if the connection may end like that.
func (c *random2) endError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && len(c.streams) > 0:
		return fmt.Errorf("%d streams have no response, of them %s", len(c.streams), c.describe())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection does not end")
	case c.ended || len(c.streams) == 0 || errors.Is(err, net.ErrClosed):
		return io.EOF
	case c.isLate(err):
		c.late = true
		return io.EOF
	}
	return fmt.Errorf("%d streams have no response, of them %s; the longest pause between two frames was %v: %w", len(c.streams), c.describe(), c.longestPause, err)
}

// describe returns one of the streams without a response.
func (c *random2) describe() string {
	for id, s := range c.streams {
		return fmt.Sprintf("stream %d of %d, begun %v ago: %s %s %q, %d bytes to send in a window of %d (connection %d), status %d, %d of %d bytes (connection %d), leaving: %v",
			id, c.h.stream, time.Since(s.begun), s.request.method, s.request.path, s.request.fields, len(s.left), s.send, c.send, s.status, s.received, s.length, c.window, c.sawGoAway)
	}
	return ""
}

func (c *random2) process(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		return c.processSettings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			data := f.Data
			c.acks = append(c.acks, func() error { return c.h.WritePing(true, data) })
		} else if c.pings--; c.pings < 0 {
			return errors.New("an acknowledgement without a PING")
		}
	case *http2.WindowUpdateFrame:
		if s := c.streams[f.StreamID]; s != nil {
			s.send += int(f.Increment)
		} else if f.StreamID == 0 {
			c.send += int(f.Increment)
		}
	case *http2.MetaHeadersFrame:
		return c.processHeaders(f)
	case *http2.DataFrame:
		return c.processData(f)
	case *http2.RSTStreamFrame:
		if s := c.streams[f.StreamID]; s != nil {
			return fmt.Errorf("stream %d, %s %s, was reset with %v", f.StreamID, s.request.method, s.request.path, f.ErrCode)
		}
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo && !c.ended {
			return fmt.Errorf("GOAWAY with %v: %s", f.ErrCode, f.DebugData())
		}
		c.sawGoAway = true
		for id := range c.streams {
			if id > f.LastStreamID {
				delete(c.streams, id)
			}
		}
	}
	return nil
}

func (c *random2) processSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		if len(c.initials) < 2 {
			return errors.New("an acknowledgement without SETTINGS")
		}
		c.initials = c.initials[1:]
		return nil
	}
	if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for _, s := range c.streams {
			s.send += int(n) - c.initial
		}
		c.initial = int(n)
	}
	c.settled = true
	c.acks = append(c.acks, c.h.WriteSettingsAck)
	return nil
}

func (c *random2) processHeaders(f *http2.MetaHeadersFrame) error {
	s := c.streams[f.StreamID]
	if s == nil {
		return nil
	}
	status, err := strconv.Atoi(f.PseudoValue("status"))
	switch {
	case err != nil || s.answered:
		return fmt.Errorf("stream %d has a second header or none with a status: %v", f.StreamID, f.Fields)
	case status == 100:
		return nil
	case !statuses[status] && !(status == 408 && c.isLateBody(s)):
		return fmt.Errorf("stream %d, %s %s %q, begun %v ago: status %d", f.StreamID, s.request.method, s.request.path, s.request.fields, time.Since(s.begun), status)
	}
	s.answered, s.status = true, status
	for _, field := range f.RegularFields() {
		if field.Name == "content-length" {
			if s.length, err = strconv.Atoi(field.Value); err != nil {
				return err
			}
		}
	}
	if f.StreamEnded() {
		return c.end(f.StreamID, s)
	}
	return nil
}

// isLateBody reports whether the client has sent the body of a stream too late. A body
// that waits for the server's window is not late.
func (c *random2) isLateBody(s *stream2) bool {
	hasWindow := s.sentAll || min(s.send, c.send) > 0
	return s.request.body != nil && hasWindow && c.t.mayTimeOut(s.begun, s.sent)
}

// processData checks the windows: what was received may not be more than was
// granted, with the largest initial window that may have been in force.
func (c *random2) processData(f *http2.DataFrame) error {
	n := int(f.Length)
	if c.window -= n; c.window < 0 {
		return fmt.Errorf("%d bytes beyond the window of the connection", -c.window)
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return nil
	}
	s.received += n
	if over := s.received - slices.Max(c.initials) - s.granted; n > 0 && over > 0 {
		return fmt.Errorf("%d bytes beyond the window of stream %d", over, f.StreamID)
	}
	if !s.answered {
		return fmt.Errorf("stream %d has a body before its header", f.StreamID)
	}
	if f.StreamEnded() {
		return c.end(f.StreamID, s)
	}
	return nil
}

// end checks a response that has ended.
func (c *random2) end(id uint32, s *stream2) error {
	delete(c.streams, id)
	if body := s.request.method != "HEAD" && s.status != 304; body && s.length != s.received {
		return fmt.Errorf("stream %d: %d bytes with a Content-Length of %d", id, s.received, s.length)
	} else if !body && s.received > 0 {
		return fmt.Errorf("stream %d: %d bytes, %s with status %d has none", id, s.received, s.request.method, s.status)
	}
	return nil
}
