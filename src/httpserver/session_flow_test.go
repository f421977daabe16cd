package httpserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/metrics"

	"go.uber.org/zap"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestWindowsOverflow(t *testing.T) {
	g := newGate()
	defer close(g.open)
	p, _ := meet(t, g, usual)
	p.post(1)
	p.WriteWindowUpdate(1, largestWindow)
	p.wants(t, "1: FLOW_CONTROL_ERROR")
	p.WriteWindowUpdate(0, largestWindow)
	p.wants(t, "GOAWAY 1 FLOW_CONTROL_ERROR")

	p, _ = meet(t, g, usual)
	p.post(1)
	p.WriteWindowUpdate(1, largestWindow-initialWindow)
	p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: initialWindow + 1})
	p.wants(t, "GOAWAY 1 FLOW_CONTROL_ERROR")

	// and what the client must not send
	p, _ = meet(t, g, usual)
	p.post(1)
	go func() {
		for p.WriteData(1, false, make([]byte, initialFrame)) == nil {
		}
	}()
	p.find(t, "GOAWAY 1 FLOW_CONTROL_ERROR")
}

// TestPaddingCounts sends padding, which is given back to the connection's
// window at once, and so can fill the stream's alone.
func TestPaddingCounts(t *testing.T) {
	g := newGate()
	defer close(g.open)
	p, _ := meet(t, g, usual)
	p.post(1)
	go func() {
		for range uploadWindow/255 + 1 {
			p.WriteDataPadded(1, false, []byte("x"), make([]byte, 255))
		}
	}()
	p.find(t, "1: FLOW_CONTROL_ERROR")
}

// TestUnreadBodiesAreGivenBack cuts off more bodies than the window holds.
func TestUnreadBodiesAreGivenBack(t *testing.T) {
	g := newGate()
	p, _ := meet(t, g, usual)
	size, id := uploadWindow/40, uint32(1)
	for range 80 {
		p.post(id)
		p.WriteData(id, false, make([]byte, initialFrame))
		p.WriteData(id, false, make([]byte, size-initialFrame))
		p.WriteRSTStream(id, http2.ErrCodeCancel)
		id += 2
	}
	p.get(id)
	p.wants(t, fmt.Sprintf("%d: 200", id))
	close(g.open)
}

// TestAnswersDoNotWaitForHalfFrames sends the rest of a frame late.
func TestAnswersDoNotWaitForHalfFrames(t *testing.T) {
	p, _ := meet(t, answers(5), usual)
	var both strings.Builder
	framer := http2.NewFramer(&both, nil)
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(usually()), EndHeaders: true, EndStream: true})
	framer.WritePing(false, [8]byte{})
	raw := []byte(both.String())
	p.conn.Write(raw[:len(raw)-3])
	p.wants(t, "1: 200", "1: 5 bytes, end")
	p.conn.Write(raw[len(raw)-3:])
	p.wants(t, "PING")
}

// TestWindowsAreKept lets an answer out in parts that the test chooses.
func TestWindowsAreKept(t *testing.T) {
	p, _ := meet(t, answers(100_000), usual, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5000})
	p.get(1)
	p.wants(t, "1: 200", "1: 5000 bytes")
	p.WriteWindowUpdate(1, 2000)
	p.wants(t, "1: 2000 bytes")
	p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4000}) // 1000 too much now
	p.WriteWindowUpdate(1, 1500)
	p.wants(t, "1: 500 bytes")
	p.WriteWindowUpdate(1, 200_000) // the connection's is left
	for left := initialWindow - 7500; left > 0; {
		var n int
		if _, err := fmt.Sscanf(p.next(), "1: %d bytes", &n); err != nil || n > initialFrame {
			t.Fatalf("%d, %v", n, err)
		}
		left -= n
		if left < 0 {
			t.Fatalf("%d more than the window", -left)
		}
	}
	p.get(3) // waits too, and is not forgotten
	p.wants(t, "3: 200")
	p.WriteWindowUpdate(0, 200_000)
	got := p.next()
	for ; !strings.HasSuffix(got, "end"); got = p.next() {
	}
	if !strings.HasPrefix(got, "1: ") {
		t.Error(got)
	}
}

// TestLargeAnswersShare asks for two that are larger than the windows at first.
func TestLargeAnswersShare(t *testing.T) {
	p, _ := meet(t, answers(1<<20), usual, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	p.get(1)
	for range 5 {
		p.next()
	}
	p.get(3)
	p.find(t, "3: 200")
	p.WriteWindowUpdate(0, 4<<20)
	turns, last := 0, byte(0)
	for got := p.next(); !strings.HasSuffix(got, "end"); got = p.next() {
		if got[0] != last {
			turns, last = turns+1, got[0]
		}
	}
	if turns < 20 {
		t.Errorf("changed turns %d times", turns)
	}
}

// counting counts the writes to the connections of a listener.
type counting struct {
	net.Listener
	writes atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &counted{c, l}, err
}

type counted struct {
	net.Conn
	l *counting
}

func (c *counted) Write(p []byte) (int, error) {
	c.l.writes.Add(1)
	return c.Conn.Write(p)
}

// TestOneWrite answers in one system call what came together.
func TestOneWrite(t *testing.T) {
	server, conf := certificate(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, m := &counting{Listener: ln}, metrics.New("test")
	e := NewEngine(l, EngineOptions{Handler: answers(1000), TLS: server, Settings: usual, Traffic: m.Listener("https"), Log: zap.NewNop()})
	go e.Run()
	defer e.Shutdown(context.Background())
	p := call(t, &running{e, ln.Addr().String(), m, nil}, conf)
	p.greet()
	p.get(1)
	p.wants(t, "1: 200", "1: 1000 bytes, end")
	time.Sleep(50 * time.Millisecond) // SETTINGS are answered
	before := l.writes.Load()
	p.get(3)
	p.wants(t, "3: 200", "3: 1000 bytes, end")
	if n := l.writes.Load() - before; n != 1 {
		t.Errorf("one answer took %d writes", n)
	}
	var all strings.Builder
	framer := http2.NewFramer(&all, nil)
	for id := uint32(5); id < 25; id += 2 {
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(usually()), EndHeaders: true, EndStream: true})
	}
	p.conn.Write([]byte(all.String()))
	for id := 5; id < 25; id += 2 {
		p.wants(t, fmt.Sprintf("%d: 200", id), fmt.Sprintf("%d: 1000 bytes, end", id))
	}
	if n := l.writes.Load() - before; n != 2 {
		t.Errorf("then ten took %d writes", n-1)
	}
}

// TestCompression is what HPACK, RFC 7541, leaves to the peers.
func TestCompression(t *testing.T) {
	p, _ := meet(t, answers(10), usual, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	p.ReadMetaHeaders = hpack.NewDecoder(0, nil)
	for id := uint32(1); id < 9; id += 2 {
		p.hpack.SetMaxDynamicTableSize(100 * (id % 4)) // and back
		p.ask(id, true, usually("x-long: abcdefghijklmnopqrstuvw")...)
		p.wants(t, fmt.Sprintf("%d: 200", id), fmt.Sprintf("%d: 10 bytes, end", id))
	}
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: 9, BlockFragment: []byte{0xff, 0xff, 0xff}, EndHeaders: true})
	p.wants(t, "GOAWAY 7 COMPRESSION_ERROR")

	p, _ = meet(t, answers(10), usual)
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x3f, 0xe2, 0x1f}, EndHeaders: true}) // a table of 4097
	p.wants(t, "GOAWAY 0 COMPRESSION_ERROR")
}

// TestSectionsFitEveryTable decodes with no table at all, which a peer may have
// asked for, and must find said first, RFC 9113, section 4.3.1.
func TestSectionsFitEveryTable(t *testing.T) {
	var s sections
	s.init()
	now := time.Now()
	b := s.of(&api.Response{Status: 206, ETag: `"x"`, ContentType: "a/b", ContentRange: "bytes 0-1/3", Body: []byte("ab")}, now)
	if b[0] != 0x20 {
		t.Errorf("begins with %#x, not a table of size 0", b[0])
	}
	if more := s.with(b, "x", "y"); !bytes.HasPrefix(more, b) || more[len(b)] == 0x20 {
		t.Errorf("one field more: % x", more[len(b):])
	}
	got := map[string]string{}
	fields, err := hpack.NewDecoder(0, nil).DecodeFull(b)
	for _, f := range fields {
		got[f.Name] = f.Value
	}
	if err != nil || got[":status"] != "206" || got["content-length"] != "2" || got["etag"] != `"x"` || got["content-range"] != "bytes 0-1/3" {
		t.Errorf("%v, %v", fields, err)
	}
	if other := s.of(&api.Response{Status: 206, ETag: `"y"`, Body: []byte("ab")}, now); bytes.Contains(other, []byte("a/b")) {
		t.Error("another response has the same section")
	}
}
