package httpserver

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"foobar/src/metrics"

	"go.uber.org/zap"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzHTTP2 gives a session what a client may send, in pieces: it must end once
// the client does, with all that it has begun.
func FuzzHTTP2(f *testing.F) {
	for _, raw := range beginnings() {
		f.Add(raw, byte(0))
		f.Add(raw, byte(7))
	}
	s := Settings{Header: time.Second, Body: time.Second, Response: time.Second, Idle: time.Second, MaxHeader: 4096, Connections: 1}
	t := metrics.New("fuzz").Listener("https")
	e := NewEngine(nil, EngineOptions{Handler: &echo{}, Settings: s, Traffic: t, Log: zap.NewNop()})
	f.Fuzz(func(tt *testing.T, raw []byte, piece byte) {
		before := runtime.NumGoroutine()
		server, client := net.Pipe()
		c := &conn{Conn: server, below: &bundler{Conn: server}, bundles: e.bundles}
		ended := make(chan struct{})
		go func() { defer close(ended); e.serve2(c) }()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		send(client, raw, int(piece))
		_ = client.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			buf := make([]byte, 1<<20)
			tt.Fatalf("the session goes on:\n%s", buf[:runtime.Stack(buf, true)])
		}
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
			if time.Now().After(deadline) {
				tt.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// send writes raw, piece bytes at a time where that is not 0.
func send(c net.Conn, raw []byte, piece int) {
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	for len(raw) > 0 {
		n := len(raw)
		if piece > 0 {
			n = min(n, piece)
		}
		if _, err := c.Write(raw[:n]); err != nil {
			return
		}
		raw = raw[n:]
	}
}

// beginnings are what FuzzHTTP2 starts from: the beginnings of connections.
func beginnings() (all [][]byte) {
	for _, say := range []func(p *peer){
		func(p *peer) { p.get(1); p.get(3); p.WritePing(false, [8]byte{1}) },
		func(p *peer) {
			p.post(1)
			p.WriteData(1, false, []byte("hel"))
			p.get(3)
			p.WriteData(1, true, []byte("lo"))
		},
		func(p *peer) {
			p.post(1)
			p.WriteDataPadded(1, false, []byte("a"), make([]byte, 9))
			p.ask(1, true, "x: y")
		},
		func(p *peer) { p.post(1); p.WriteRSTStream(1, http2.ErrCodeCancel); p.WriteData(1, true, []byte("a")) },
		func(p *peer) {
			p.ask(1, false, usually(":method: PUT", "content-length: 3", "expect: 100-continue")...)
		},
		func(p *peer) { p.ask(1, false, usually("content-length: 3")...); p.WriteData(1, true, []byte("abcd")) },
		func(p *peer) {
			p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			p.post(1)
			p.WriteData(1, true, []byte("hello"))
			p.WriteWindowUpdate(1, 2)
			p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 70000})
		},
		func(p *peer) {
			b := p.encode(usually())
			p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:2], EndStream: true, Priority: http2.PriorityParam{StreamDep: 3, Weight: 2}})
			p.WriteContinuation(1, false, b[2:4])
			p.WriteContinuation(1, true, b[4:])
			p.WritePriority(3, http2.PriorityParam{StreamDep: 1})
		},
		func(p *peer) {
			p.WriteGoAway(0, http2.ErrCodeNo, []byte("bye"))
			p.WriteRawFrame(0x20, 1, 0, []byte("x"))
		},
		func(p *peer) { p.WriteWindowUpdate(0, largestWindow-initialWindow); p.WriteWindowUpdate(0, 1) },
	} {
		var raw bytes.Buffer
		p := &peer{Framer: http2.NewFramer(&raw, nil)}
		p.hpack = hpack.NewEncoder(&p.section)
		raw.WriteString(http2.ClientPreface)
		p.WriteSettings()
		say(p)
		all = append(all, raw.Bytes())
	}
	return all
}
