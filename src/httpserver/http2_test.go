package httpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A frameClient is a client of HTTP/2 to which a test gives each frame.
type frameClient struct {
	*http2.Framer
	conn net.Conn
}

// dialHTTP2 opens a connection and sends the preface with the client's settings.
func dialHTTP2(t *testing.T, e *running, conf *tls.Config, settings ...http2.Setting) *frameClient {
	t.Helper()
	conf = conf.Clone()
	conf.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", e.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	f := &frameClient{http2.NewFramer(c, c), c}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	io.WriteString(c, http2.ClientPreface)
	f.WriteSettings(settings...)
	return f
}

// request sends the header section of a request.
func (f *frameClient) request(id uint32, method string, end bool, fields ...string) {
	var section bytes.Buffer
	encoder := hpack.NewEncoder(&section)
	all := append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", "/"}, fields...)
	for i := 0; i < len(all); i += 2 {
		encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: section.Bytes(), EndHeaders: true, EndStream: end})
}

// expect reads frames until each of want has come, in any order: "1: 200", "1:
// reset", or "GOAWAY 1".
func (f *frameClient) expect(t *testing.T, want ...string) {
	t.Helper()
	var seen []string
	for len(want) > 0 {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatalf("%v after %q, want %q", err, seen, want)
		}
		got := ""
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			got = fmt.Sprintf("%d: %s", frame.StreamID, frame.PseudoValue("status"))
		case *http2.RSTStreamFrame:
			got = fmt.Sprintf("%d: reset", frame.StreamID)
		case *http2.GoAwayFrame:
			got = fmt.Sprintf("GOAWAY %d", frame.LastStreamID)
		}
		seen = append(seen, got)
		want = slices.DeleteFunc(want, func(w string) bool { return w == got })
	}
}

// expectClosed reads until the connection ends.
func (f *frameClient) expectClosed(t *testing.T) {
	t.Helper()
	for {
		_, err := f.ReadFrame()
		if errors.Is(err, io.EOF) {
			return
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("the connection is open")
		}
	}
}

// TestHTTP2Settings bounds what a client may send at a time.
func TestHTTP2Settings(t *testing.T) {
	server, conf := certificate(t)
	c := dialHTTP2(t, start(t, &echo{}, defaultSettings, server), conf)
	frame, err := c.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("the first frame is %v", frame)
	}
	for id, want := range map[http2.SettingID]uint32{
		http2.SettingMaxConcurrentStreams: maxStreams, http2.SettingMaxFrameSize: 16 << 10,
		http2.SettingInitialWindowSize: 1 << 20, http2.SettingMaxHeaderListSize: uint32(defaultSettings.MaxHeader) + 320,
	} {
		if got, _ := settings.Value(id); got != want {
			t.Errorf("%v is %d, want %d", id, got, want)
		}
	}
}

// TestDrainSendsGoAway shuts down with one connection that goes on with its
// requests and one that is idle.
func TestDrainSendsGoAway(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, &echo{}, longTimeouts(), server)
	busy, idle := dialHTTP2(t, e, conf), dialHTTP2(t, e, conf)
	for _, c := range []*frameClient{busy, idle} {
		c.request(1, "GET", true)
		c.expect(t, "1: 200")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	for !e.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	for _, c := range e.conns.All() {
		for deadline := time.Now().Add(5 * time.Second); !c.(*conn).announced.Load(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a connection that was open is not asked to reconnect")
			}
		}
	}
	busy.request(3, "GET", true)
	busy.expect(t, "3: 200", "GOAWAY 3")
	busy.expectClosed(t)
	idle.expect(t, "GOAWAY 1")
	idle.expectClosed(t)
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestNewSettingsSendGoAway asks clients for certificates that it did not ask
// for before.
func TestNewSettingsSendGoAway(t *testing.T) {
	server, conf := certificate(t)
	s := longTimeouts()
	e := start(t, &echo{}, s, server)
	c := dialHTTP2(t, e, conf)
	c.request(1, "GET", true)
	c.expect(t, "1: 200")
	s.AccessLog = true
	e.Apply(s)
	c.request(3, "GET", true)
	c.expect(t, "3: 200")
	s.ClientCertificates = tls.VerifyClientCertIfGiven
	e.Apply(s)
	c.expect(t, "GOAWAY 3")
	c.expectClosed(t)
	c = dialHTTP2(t, e, conf)
	c.request(1, "GET", true)
	c.expect(t, "1: 200")
}

// TestShutdownDoesNotWaitForAStalledReader has a client that lets the server
// send, and reads nothing.
func TestShutdownDoesNotWaitForAStalledReader(t *testing.T) {
	server, conf := certificate(t)
	e := start(t, &echo{size: 64 << 20}, longTimeouts(), server)
	c := dialHTTP2(t, e, conf, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	c.WriteWindowUpdate(0, 1<<30-1)
	c.request(1, "GET", true)
	c.expect(t, "1: 200")
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 3*time.Second {
		t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
	}
}

// TestStalledConnection has the same client, whose connection has to be closed: not even
// RST_STREAM reaches it.
func TestStalledConnection(t *testing.T) {
	server, conf := certificate(t)
	s := longTimeouts()
	s.Body, s.Response = 300*time.Millisecond, 300*time.Millisecond
	e := start(t, &echo{size: 64 << 20}, s, server)
	c := dialHTTP2(t, e, conf, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	c.WriteWindowUpdate(0, 1<<30-1)
	c.request(1, "GET", true)
	c.expect(t, "1: 200")
	for deadline := time.Now().Add(15 * time.Second); e.Connections() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the connection is still open")
		}
	}
}

// TestBodyWithAnotherLength sends less and more than Content-Length says: the
// handler must not take it for the whole.
func TestBodyWithAnotherLength(t *testing.T) {
	server, conf := certificate(t)
	h := handlerFunc(func(r *api.Request) api.Response {
		if body, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("the handler has a whole body: %q", body)
		}
		return api.Response{Status: http.StatusBadRequest}
	})
	e := start(t, h, defaultSettings, server)
	c := dialHTTP2(t, e, conf)
	for i, body := range []string{"", "a", "abc"} {
		id := uint32(2*i + 1)
		c.request(id, "POST", false, "content-length", "2")
		c.WriteData(id, true, []byte(body))
	}
	if !e.counted(t, `foobar_http_requests_total{code="400",listener="https",method="POST"} 3`) {
		t.Error("not every request has reached the handler")
	}
}
