package httpserver

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestBadConnectionsSpoilNoOther ends some in the middle of a header section.
func TestBadConnectionsSpoilNoOther(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, answers(0), usual, server)
	for range 20 {
		bad := call(t, e, conf)
		bad.greet()
		bad.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: bad.encode(usually())})
		bad.WritePing(false, [8]byte{})
		bad.find(t, "GOAWAY 0 PROTOCOL_ERROR")
		good := call(t, e, conf)
		good.greet()
		good.get(1)
		good.wants(t, "1: 200, end")
	}
}

func TestWrongBeginnings(t *testing.T) {
	server, conf := certificate(t)
	for name, begin := range map[string]func(p *peer){
		"HTTP/1.1":       func(p *peer) { p.conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) },
		"no SETTINGS":    func(p *peer) { p.conn.Write([]byte(http2.ClientPreface)); p.get(1) },
		"SETTINGS' ACK":  func(p *peer) { p.conn.Write([]byte(http2.ClientPreface)); p.WriteSettingsAck() },
		"even stream":    func(p *peer) { p.greet(); p.get(2) },
		"pushed stream":  func(p *peer) { p.greet(); p.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2}) },
		"idle stream":    func(p *peer) { p.greet(); p.WriteRSTStream(1, 0) },
		"idle window":    func(p *peer) { p.greet(); p.WriteWindowUpdate(1, 1) },
		"idle DATA":      func(p *peer) { p.greet(); p.WriteData(1, true, nil) },
		"wrong SETTINGS": func(p *peer) { p.greet(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}) },
	} {
		e := start(t, answers(0), usual, server)
		p := call(t, e, conf)
		begin(p)
		if got := p.next(); got != "GOAWAY 0 PROTOCOL_ERROR" {
			t.Errorf("%s: %s", name, got)
		}
		if got := p.next(); got != "end" {
			t.Errorf("%s: then %s", name, got)
		}
	}
}

// TestPartingOverHTTP2 is section 6.8's graceful end: what the client asks for
// before it can know is answered, on a new connection too.
func TestPartingOverHTTP2(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, answers(3), usual, server)
	old, fresh := call(t, e, conf), call(t, e, conf)
	old.greet()
	old.get(1)
	old.wants(t, "1: 200", "1: 3 bytes, end")
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	old.conn.SetReadDeadline(time.Now().Add(time.Second))
	for { // not answering the PING yet
		f, err := old.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := f.(*http2.GoAwayFrame); ok {
			if f.LastStreamID != largestStream {
				t.Errorf("GOAWAY %d", f.LastStreamID)
			}
			break
		}
	}
	old.get(3)
	old.wants(t, "PING", "3: 200", "3: 3 bytes, end")
	fresh.greet()
	fresh.get(1)
	fresh.wants(t, "1: 200", "1: 3 bytes, end", fmt.Sprintf("GOAWAY %d NO_ERROR", largestStream), "PING")
	fresh.get(3)
	fresh.wants(t, "3: 200", "3: 3 bytes, end", "GOAWAY 3 NO_ERROR", "end")
	old.wants(t, "GOAWAY 3 NO_ERROR", "end")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestHeldWindow is a client that never lets the answer out, and one that takes
// it by the byte.
func TestHeldWindow(t *testing.T) {
	s := usual
	s.Body, s.Response = 200*time.Millisecond, 200*time.Millisecond
	none := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}
	for _, crumbs := range []bool{false, true} {
		p, e := meet(t, answers(1000), s, none)
		begun := time.Now()
		p.get(1)
		p.wants(t, "1: 200")
		for crumbs && p.WriteWindowUpdate(1, 1) == nil && p.WritePing(false, [8]byte{}) == nil {
			time.Sleep(10 * time.Millisecond)
		}
		p.find(t, "end")
		if took := time.Since(begun); took < 300*time.Millisecond || took > 2*time.Second {
			t.Errorf("ended after %v", took)
		}
		if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
			t.Error("requests left")
		}
	}
}

// TestUnreadAnswers opens every window, and reads nothing: CVE-2019-9517.
func TestUnreadAnswers(t *testing.T) {
	s := usual
	s.Response, s.Body, s.Header = 300*time.Millisecond, time.Minute, time.Minute
	for _, size := range []int{64 << 20, 1000} {
		p, e := meet(t, answers(size), s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: largestWindow})
		p.WriteWindowUpdate(0, largestWindow-initialWindow)
		go func() {
			for id := uint32(1); size < 1<<20 || id < 2*maxStreams; id += 2 {
				if p.get(id) != nil {
					return
				}
			}
		}()
		deadline := time.Now().Add(5 * time.Second)
		for time.Sleep(400 * time.Millisecond); e.connections() > 0 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if n := e.connections(); n > 0 {
			t.Errorf("%d bytes: still open", size)
		}
	}
}

func TestSlowSessions(t *testing.T) {
	s := Settings{Header: 300 * time.Millisecond, Body: 600 * time.Millisecond, Response: time.Second, Idle: 900 * time.Millisecond, MaxHeader: 16 << 10, Connections: 10}
	server, conf := certificate(t)
	for name, c := range map[string]struct {
		do    func(p *peer)
		drip  func(p *peer) error
		after time.Duration
		last  string
	}{
		"silent":        {func(*peer) {}, nil, s.Header, "GOAWAY 0 NO_ERROR"},
		"half preface":  {func(p *peer) { io.WriteString(p.conn, "PRI * HT") }, nil, s.Header, "GOAWAY 0 NO_ERROR"},
		"half frame":    {func(p *peer) { p.greet(); p.conn.Write([]byte{0, 0, 8, 6}) }, nil, s.Header, "GOAWAY 0 NO_ERROR"},
		"half section":  {func(p *peer) { p.greet(); p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}) }, func(p *peer) error { return p.WriteContinuation(1, false, nil) }, s.Header, "GOAWAY 0 NO_ERROR"},
		"idle":          {func(p *peer) { p.greet(); p.get(1) }, nil, s.Idle, "GOAWAY 1 NO_ERROR"},
		"idle but PING": {func(p *peer) { p.greet(); p.get(1) }, func(p *peer) error { return p.WritePing(false, [8]byte{}) }, s.Idle, "GOAWAY 1 NO_ERROR"},
		"body missing":  {func(p *peer) { p.greet(); p.post(1) }, nil, s.Body, "1: 400"},
		"endless body":  {func(p *peer) { p.greet(); p.post(1) }, func(p *peer) error { return p.WriteData(1, false, []byte("x")) }, s.Body, "1: 400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, &echo{}, s, server)
			p := call(t, e, conf)
			begun := time.Now()
			c.do(p)
			if c.drip != nil {
				go func() {
					for c.drip(p) == nil {
						time.Sleep(50 * time.Millisecond)
					}
				}()
			}
			p.find(t, c.last)
			if took := time.Since(begun); took < c.after-c.after/4 || took > c.after+400*time.Millisecond {
				t.Errorf("after %v, want about %v", took, c.after)
			}
		})
	}
}

// TestNoGoroutineStays ends connections in all kinds of states.
func TestNoGoroutineStays(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, &echo{size: 8 << 20}, usual, server)
	before := runtime.NumGoroutine()
	for i := range 20 {
		p := call(t, e, conf)
		p.greet()
		p.get(1)
		p.post(3)
		p.WriteData(3, i%2 == 0, []byte("x"))
		p.find(t, "1: ")
		p.conn.Close()
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
		t.Error("requests left")
	}
}

// TestHandlersHoldTheirConnection has the client go while its request waits for
// the disk: it must not make room for the next one.
func TestHandlersHoldTheirConnection(t *testing.T) {
	g := newGate()
	p, e := meet(t, g, usual)
	p.ask(1, true, usually(":method: POST")...)
	p.get(3)
	p.wants(t, "3: 200", "3: 2 bytes, end")
	p.conn.Close()
	time.Sleep(100 * time.Millisecond)
	if n := e.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
	close(g.open)
	if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
		t.Error("requests left")
	}
}

// TestNewSettingsLetConnectionsLive follows them on an open connection, and ends
// it, without failing anything, where a client may be asked for a certificate.
func TestNewSettingsLetConnectionsLive(t *testing.T) {
	p, e := meet(t, answers(3), usual)
	p.get(1)
	p.wants(t, "1: 200", "1: 3 bytes, end")
	s := usual
	s.Idle = time.Minute
	e.Apply(s)
	p.get(3)
	p.wants(t, "3: 200", "3: 3 bytes, end")
	s.Clients.Asked = true
	e.Apply(s)
	p.wants(t, fmt.Sprintf("GOAWAY %d NO_ERROR", largestStream), "PING")
	p.get(5)
	p.wants(t, "5: 200", "5: 3 bytes, end", "GOAWAY 5 NO_ERROR", "end")
}

// TestLastRequests is one that waits for the disk when the last GOAWAY goes out,
// one that comes after that, and a connection that came just before.
func TestLastRequests(t *testing.T) {
	server, conf := certificate(t)
	g := newGate()
	e := start(t, g, patient(), server)
	p := call(t, e, conf)
	p.greet()
	p.ask(1, true, usually(":method: POST")...)
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	p.wants(t, fmt.Sprintf("GOAWAY %d NO_ERROR", largestStream), "PING")
	time.Sleep(leaving / 2)
	late := call(t, e, conf)
	p.wants(t, "GOAWAY 1 NO_ERROR")
	time.Sleep(3 * settling)
	late.greet()
	late.get(1)
	late.find(t, "1: 2 bytes, end")
	p.get(3)
	p.WritePing(false, [8]byte{})
	p.wants(t, "PING") // so that nothing is left to read
	close(g.open)
	begun := time.Now()
	p.wants(t, "1: 200", "1: 2 bytes, end", "end")
	if err := <-stopped; err != nil || time.Since(begun) > leaving {
		t.Errorf("Shutdown: %v, %v after the last answer", err, time.Since(begun))
	}
}
