package web

import (
	"encoding/binary"
	"time"
)

// goAwaySoon is the GOAWAY of RFC 9113, section 6.8, that a graceful shutdown
// begins with: its last stream is the highest there can be, so that what the
// client has sent before it reads this is served. Package net/http only sends
// the second one, which refuses such requests.
const goAwaySoon = "\x00\x00\x08" + "\x07" + "\x00" + "\x00\x00\x00\x00" +
	"\x7f\xff\xff\xff" + "\x00\x00\x00\x00"

// told is what a client of HTTP/2 was told.
type told struct {
	wanted bool      // it is to be told to go
	soon   time.Time // when it was
}

// announce tells the client to go, between two frames of others.
func (g *gatherer) announce() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told.wanted = true
	if len(g.pending) == 0 && g.err == nil {
		g.tell()
	}
}

func (g *gatherer) tell() {
	if g.told.wanted && g.told.soon.IsZero() && g.frames.between() && g.write([]byte(goAwaySoon)) == nil {
		g.told.soon = time.Now()
	}
}

// due says whether no more requests are expected: those of a client that was
// told to go are here, or its first one does not come. It does not wait for a
// client that is being written to.
func (g *gatherer) due(now time.Time) bool {
	if !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	if g.begun.Load() == 0 {
		return now.Sub(g.c.since) > arriving
	}
	return !g.told.soon.IsZero() && now.Sub(g.told.soon) > settling
}

// over says whether the client was sent away, has all its answers, and stays
// nevertheless. It does not wait either.
func (g *gatherer) over(now time.Time) bool {
	if !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	return g.frames.goneAway && g.idle.Load() && g.frames.ended >= g.begun.Load() && now.Sub(g.answered) > settling
}

// frames follows the frames of HTTP/2 in what a server sends, RFC 9113, section
// 4.1. The zero value is at the start of a connection.
type frames struct {
	header   [9]byte
	have     int   // bytes of header
	left     int   // bytes of the payload
	ended    int64 // streams that the server has ended
	goneAway bool  // it has sent GOAWAY
}

// between says whether a frame may be put in: not into another one, nor before
// the first.
func (f *frames) between() bool { return f.have == len(f.header) && f.left == 0 }

func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.between() {
			f.have = 0
		}
		if f.have < len(f.header) {
			n := copy(f.header[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have == len(f.header) {
				f.begin()
			}
			continue
		}
		n := min(f.left, len(p))
		f.left -= n
		p = p[n:]
	}
}

func (f *frames) begin() {
	const (
		data, headers, reset, goAway = 0, 1, 3, 7
		endStream                    = 1
	)
	f.left = int(binary.BigEndian.Uint32(f.header[:4]) >> 8)
	switch kind, flags := f.header[3], f.header[4]; {
	case kind == reset, (kind == data || kind == headers) && flags&endStream != 0:
		f.ended++
	case kind == goAway:
		f.goneAway = true
	}
}
