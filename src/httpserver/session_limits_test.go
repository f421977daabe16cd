package httpserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2"
)

// gate is a Handler that keeps everything but GET waiting until it is closed,
// and knows the largest number that did.
type gate struct {
	open      chan struct{}
	now, most atomic.Int64
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Serve(_ context.Context, r *api.Request) api.Response {
	if r.Method != http.MethodGet {
		if n := g.now.Add(1); n > g.most.Load() {
			g.most.Store(n)
		}
		<-g.open
		g.now.Add(-1)
	}
	return api.Response{Status: http.StatusOK, Body: []byte("ok")}
}

// answers is a Handler with one answer.
func answers(size int) Handler {
	body := make([]byte, size)
	return handlerFunc(func(*api.Request) api.Response { return api.Response{Status: http.StatusOK, Body: body} })
}

func TestStreamsOverTheLimitAreRefused(t *testing.T) {
	g := newGate()
	p, _ := meet(t, g, usual)
	for i := range uint32(maxStreams) {
		p.ask(2*i+1, true, usually(":method: POST")...)
	}
	p.get(301)
	p.wants(t, "301: REFUSED_STREAM")
	close(g.open)
	for range maxStreams {
		p.next() // HEADERS
		p.next() // DATA
	}
	p.get(303)
	p.wants(t, "303: 200", "303: 2 bytes, end")
}

// TestReading goes on while requests wait for the disk, section 5.
func TestReadingGoesOn(t *testing.T) {
	g := newGate()
	p, _ := meet(t, g, usual)
	p.ask(1, true, usually(":method: POST")...)
	p.get(3)
	p.wants(t, "3: 200", "3: 2 bytes, end")
	close(g.open)
	p.wants(t, "1: 200", "1: 2 bytes, end")
}

// TestRapidReset is CVE-2023-44487: the requests that are reset must neither
// pile up nor go on for ever.
func TestRapidReset(t *testing.T) {
	for method, end := range map[string]bool{"GET": true, "POST": false} {
		g := newGate()
		p, e := meet(t, g, usual)
		go func() {
			for id := uint32(1); ; id += 2 {
				if p.ask(id, end, usually(":method: "+method)...) != nil || p.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
					return
				}
			}
		}()
		if method == "POST" {
			p.find(t, "GOAWAY")
			if n := g.most.Load(); n > maxStreams {
				t.Errorf("%d at a time", n)
			}
			if !e.counted(t, `foobar_http_requests_refused_total{listener="https",reason="flood"} 1`) {
				t.Error("not counted")
			}
		} else {
			// One that is answered at once costs what every GET costs.
			time.Sleep(100 * time.Millisecond)
			p.conn.Close()
		}
		close(g.open)
		if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
			t.Errorf("%s: requests left", method)
		}
	}
}

func TestFloods(t *testing.T) {
	for name, send := range map[string]func(p *peer) error{
		"PING":             func(p *peer) error { return p.WritePing(false, [8]byte{}) },
		"PING answers":     func(p *peer) error { return p.WritePing(true, [8]byte{}) },
		"SETTINGS":         func(p *peer) error { return p.WriteSettings() },
		"SETTINGS answers": func(p *peer) error { return p.WriteSettingsAck() },
		"PRIORITY":         func(p *peer) error { return p.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
		"empty DATA":       func(p *peer) error { return p.WriteData(1, false, nil) },
		"RST_STREAM":       func(p *peer) error { return p.WriteRSTStream(1, http2.ErrCodeCancel) },
		"crumbs of window": func(p *peer) error { return p.WriteWindowUpdate(1, 1) },
		"unknown":          func(p *peer) error { return p.WriteRawFrame(0x77, 0, 0, nil) },
		"malformed requests": func() func(p *peer) error {
			id := uint32(1)
			return func(p *peer) error { id += 2; return p.ask(id, true, usually("te: x")...) }
		}(),
		"CONTINUATION": func() func(p *peer) error {
			begun := false
			return func(p *peer) error {
				if !begun {
					begun = true
					return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: p.encode(usually())})
				}
				return p.WriteContinuation(3, false, nil)
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			p, _ := meet(t, g, usual)
			defer close(g.open)
			p.post(1)
			go func() {
				// Not without end: what nobody reads would have the end of the
				// connection overtake GOAWAY.
				for range 8000 {
					if send(p) != nil {
						return
					}
				}
			}()
			for {
				got := p.next()
				if strings.HasSuffix(got, " ENHANCE_YOUR_CALM") {
					return
				}
				if got == "end" || got == "silence" {
					t.Fatalf("%s without GOAWAY", got)
				}
			}
		})
	}
}

// TestBusyClientsAreNoFlood has each request come with what clients send
// beside.
func TestBusyClientsAreNoFlood(t *testing.T) {
	p, _ := meet(t, answers(100), usual)
	for id := uint32(1); id < 2*maxNoise; id += 2 {
		p.WritePing(false, [8]byte{})
		p.wants(t, "PING")
		p.get(id)
		p.WriteWindowUpdate(0, 100)
		p.WriteWindowUpdate(id, 100)
		p.wants(t, fmt.Sprintf("%d: 200", id), fmt.Sprintf("%d: 100 bytes, end", id))
	}
}

// TestContinuationsEnd is CVE-2023-45288.
func TestContinuationsEnd(t *testing.T) {
	p, _ := meet(t, answers(0), usual)
	go func() {
		p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(usually())})
		long := p.encode([]string{"x: " + strings.Repeat("a", 8000)})
		for p.WriteContinuation(1, false, long) == nil {
		}
	}()
	p.wants(t, "GOAWAY 0 PROTOCOL_ERROR")
}

func TestHeaderListTooLarge(t *testing.T) {
	p, e := meet(t, answers(0), usual)
	long := func(size int) []string {
		return usually("x: "+strings.Repeat("a", size/2), "y: "+strings.Repeat("a", size/2))
	}
	p.ask(1, true, long(usual.MaxHeader+fieldsExpected*fieldOverhead)...)
	p.find(t, "1: 431")
	p.find(t, "1: ")
	p.get(3)
	p.wants(t, "3: 200, end")
	s := usual
	s.MaxHeader = 1000
	e.Apply(s)
	p.ask(5, true, long(2000)...)
	p.find(t, "5: 431")
}
