package attack

import (
	"slices"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// ids returns the streams that wait for their response, in order.
func (c *random2) ids() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []uint32
	for id := range c.streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// sendAcks acknowledges what the reader has received.
func (c *random2) sendAcks() error {
	c.mu.Lock()
	acks := c.acks
	c.acks = nil
	c.mu.Unlock()
	for _, ack := range acks {
		if err := ack(); err != nil {
			return err
		}
	}
	return nil
}

// open sends a request, its header in one frame or several.
func (c *random2) open() error {
	r := newRandomRequest(c.rng, c.t, maxRandomBody2)
	var fields []hpack.HeaderField
	for _, f := range r.fields {
		fields = append(fields, hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: c.rng.IntN(4) == 0})
	}
	c.h.target.Path = r.path
	block := c.h.encode(r.method, fields...)
	c.h.stream += 2
	id := c.h.stream - 1
	c.mu.Lock()
	if !c.sawGoAway {
		c.streams[id] = &stream2{request: r, begun: time.Now(), left: r.body, sentAll: r.body == nil, send: c.initial, length: -1}
	}
	c.mu.Unlock()
	first := len(block)
	if c.rng.IntN(3) == 0 {
		first = c.rng.IntN(len(block))
	}
	if err := c.h.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block[:first], EndStream: r.body == nil, EndHeaders: first == len(block),
	}); err != nil || first == len(block) {
		return err
	}
	block = block[first:]
	second := c.rng.IntN(len(block) + 1)
	if err := c.h.WriteContinuation(id, false, block[:second]); err != nil {
		return err
	}
	return c.h.WriteContinuation(id, true, block[second:])
}

// sendBody sends up to limit bytes of a stream's body, as far as the windows and
// the size of a frame allow.
func (c *random2) sendBody(id uint32, limit int) error {
	for limit > 0 {
		c.mu.Lock()
		s := c.streams[id]
		if s == nil || s.sentAll {
			c.mu.Unlock()
			return nil
		}
		const maxFrame = 16384
		n := min(limit, len(s.left), s.send, c.send, maxFrame)
		padding := 0
		if c.rng.IntN(4) == 0 {
			padding = min(c.rng.IntN(256), min(s.send, c.send, maxFrame)-n-1)
		}
		if n <= 0 {
			c.mu.Unlock()
			return nil
		}
		data := s.left[:n]
		s.left = s.left[n:]
		s.sentAll = len(s.left) == 0
		if padding > 0 {
			n += padding + 1
		}
		s.send -= n
		c.send -= n
		end := s.sentAll
		c.mu.Unlock()
		limit -= n
		var err error
		if padding > 0 {
			err = c.h.WriteDataPadded(id, end, data, make([]byte, padding))
		} else {
			err = c.h.WriteData(id, end, data)
		}
		if err != nil {
			return err
		}
		if end {
			c.mu.Lock()
			s.sent = time.Now()
			c.mu.Unlock()
		}
	}
	return nil
}

// maxWindow is the largest window that RFC 9113, section 6.9.1, allows.
const maxWindow = 1<<31 - 1

// grant opens the window of a stream, or of the connection.
func (c *random2) grant(id uint32, n int) error {
	c.mu.Lock()
	if s := c.streams[id]; s != nil {
		if n = min(n, maxWindow/2-s.granted); n > 0 {
			s.granted += n
		}
	} else if id == 0 {
		c.window += n
	}
	c.mu.Unlock()
	if n <= 0 {
		return nil
	}
	return c.h.WriteWindowUpdate(id, uint32(n))
}

// resize changes the window of all streams, also those that are open.
func (c *random2) resize(n int) error {
	c.mu.Lock()
	c.initials = append(c.initials, n)
	c.mu.Unlock()
	return c.h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)})
}

// reset ends a stream. What the server sends for it meanwhile does not count.
func (c *random2) reset(id uint32) error {
	c.mu.Lock()
	delete(c.streams, id)
	c.mu.Unlock()
	return c.h.WriteRSTStream(id, http2.ErrCodeCancel)
}
