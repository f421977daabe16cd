package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
)

func TestBodiesArriveWhole(t *testing.T) {
	server, conf := certificate(t)
	patient := defaultSettings
	patient.Body, patient.Response = 30*time.Second, 30*time.Second
	onEachEngine(t, func(t *testing.T, g engine) {
		e := start(t, &echo{}, g.settings(patient), server)
		c := client(t, e, conf, g)
		for _, size := range []int{0, 1, 1000, 16 << 10, 16<<10 - 200, 70_000, 3 << 20} {
			want := bytes.Repeat([]byte("0123456789abcdef!"), size/17+1)[:size]
			for _, known := range []bool{true, false} {
				var body io.Reader = bytes.NewReader(want)
				if !known {
					body = io.MultiReader(body)
				}
				resp, err := c.Post("https://example.com/", "", body)
				if err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, want) || resp.ContentLength != int64(size) {
					t.Errorf("%d bytes: got %d, %v", size, len(got), err)
				}
				if resp.Header.Get("X-Content-Type-Options") != "nosniff" || (resp.ProtoMajor == 2) != g.http2 {
					t.Errorf("%s %v", resp.Proto, resp.Header)
				}
			}
		}
		resp, err := c.Head("https://example.com/")
		if err != nil || resp.ContentLength != 0 {
			t.Errorf("HEAD: %v, %v", resp, err)
		}
		if !e.counted(t, `foobar_http_requests_total{code="200",listener="https",method="POST"} 14`) ||
			!e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
			t.Error("not counted as they should be")
		}
	})
}

func TestConnectionsAreCounted(t *testing.T) {
	e := start(t, &echo{}, defaultSettings, nil)
	open := make([]net.Conn, 3)
	for i := range open {
		open[i] = dial(t, e.addr)
	}
	wait := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); e.Connections() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections, want %d", e.Connections(), want)
			}
		}
	}
	wait(3)
	open[0].Close()
	wait(2)
}

func TestContinueIsSentWhenTheBodyIsWanted(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		h := handlerFunc(func(r *api.Request) api.Response {
			if !wanted {
				return api.Response{Status: http.StatusUnauthorized}
			}
			return (&echo{}).Serve(context.Background(), r)
		})
		e := start(t, h, defaultSettings, nil)
		c := dial(t, e.addr)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		in := bufio.NewReader(c)
		line, err := in.ReadString('\n')
		if err != nil || strings.Contains(line, "100") != wanted || strings.Contains(line, "401") == wanted {
			t.Fatalf("wanted %v: %q, %v", wanted, line, err)
		}
		if !wanted {
			continue
		}
		in.Discard(2)
		io.WriteString(c, "hello")
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 200 || resp.ContentLength != 5 {
			t.Fatalf("after the body: %v, %v", resp, err)
		}
	}
}

// TestSlowClients sends what never ends, and says when the server should have
// lost its patience, and how.
func TestSlowClients(t *testing.T) {
	s := Settings{Header: 300 * time.Millisecond, Body: 600 * time.Millisecond, Response: time.Second, Idle: 900 * time.Millisecond, MaxHeader: 16 << 10, Connections: 10, FastPath: true}
	for _, c := range []struct {
		name, raw string
		drip      string // sent every 50 ms
		after     time.Duration
		codes     []int
	}{
		{"silent", "", "", s.Header, nil},
		{"half a request line", "GET / HT", "", s.Header, []int{408}},
		{"endless header", "GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", s.Header, []int{408}},
		{"body missing", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "", s.Body, []int{408}},
		{"endless body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", "x", s.Body, []int{408}},
		{"endless chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", s.Body, []int{408}},
		{"second request endless", get(""), "X: y\r\n", s.Header, []int{200, 408}},
		{"idle", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", s.Idle, []int{200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := handlerFunc(func(r *api.Request) api.Response {
				if _, err := io.Copy(io.Discard, r.Body); errors.Is(err, os.ErrDeadlineExceeded) {
					return api.Response{Status: http.StatusRequestTimeout, Close: true}
				}
				return api.Response{Status: http.StatusOK}
			})
			e := start(t, h, s, nil)
			conn := dial(t, e.addr)
			begun := time.Now()
			io.WriteString(conn, c.raw)
			if c.drip != "" {
				go func() {
					for {
						time.Sleep(50 * time.Millisecond)
						if _, err := io.WriteString(conn, c.drip); err != nil {
							return
						}
					}
				}()
			}
			in := bufio.NewReader(conn)
			var codes []int
			for {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				codes = append(codes, resp.StatusCode)
				io.Copy(io.Discard, resp.Body)
			}
			took := time.Since(begun)
			if took < c.after-c.after/4 || took > c.after+400*time.Millisecond {
				t.Errorf("ended after %v, want about %v", took, c.after)
			}
			if !slices.Equal(codes, c.codes) {
				t.Errorf("answered %v, want %v", codes, c.codes)
			}
		})
	}
}

func TestSlowHandshake(t *testing.T) {
	server, _ := certificate(t)
	s := defaultSettings
	s.Header = 200 * time.Millisecond
	e := start(t, &echo{}, s, server)
	c := dial(t, e.addr)
	begun := time.Now()
	if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if !e.counted(t, `foobar_http_requests_refused_total{listener="https",reason="handshake"} 1`) {
		t.Error("not counted")
	}
}

// TestStalledReader asks for more than the buffers between hold, and reads none
// of it.
func TestStalledReader(t *testing.T) {
	server, conf := certificate(t)
	onEachEngine(t, func(t *testing.T, g engine) {
		s := defaultSettings
		s.Header, s.Response, s.Body, s.Idle = time.Minute, 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
		e := start(t, &echo{size: 64 << 20}, g.settings(s), server)
		resp, err := client(t, e, conf, g).Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		deadline := time.Now().Add(3 * time.Second)
		for e.Connections() > 0 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		if n := e.Connections(); n > 0 {
			t.Errorf("%d connections still open", n)
		}
	})
}

func TestConnectionsOverTheLimitWait(t *testing.T) {
	s := defaultSettings
	s.Connections = 2
	e := start(t, &echo{}, s, nil)
	first := dial(t, e.addr)
	second := dial(t, e.addr)
	for e.Connections() < 2 {
		time.Sleep(time.Millisecond)
	}
	third := dial(t, e.addr)
	io.WriteString(third, get(""))
	third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := third.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the third was not left waiting: %v", err)
	}
	first.Close()
	third.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the third was not served: %v", err)
	}
	_ = second
}

func TestApplyReachesOpenConnections(t *testing.T) {
	e := start(t, &echo{}, defaultSettings, nil)
	c := dial(t, e.addr)
	in := bufio.NewReader(c)
	ask := func(raw string) int {
		io.WriteString(c, raw)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	long := get("X: " + strings.Repeat("a", 3000) + "\r\n")
	if code := ask(long); code != 200 {
		t.Fatalf("before: %d", code)
	}
	s := defaultSettings
	s.MaxHeader = 1024
	e.Apply(s)
	if code := ask(long); code != 431 {
		t.Errorf("after: %d, want 431", code)
	}
}

// TestShutdownCutsNobodyOff stops an Engine that has a request in flight, an
// idle connection and one that has sent nothing, for each protocol.
func TestShutdownCutsNobodyOff(t *testing.T) {
	server, conf := certificate(t)
	onEachEngine(t, func(t *testing.T, g engine) {
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		h := handlerFunc(func(r *api.Request) api.Response {
			if r.Path == "/slow" {
				entered <- struct{}{}
				<-leave
			}
			return api.Response{Status: http.StatusOK, Body: []byte("whole")}
		})
		e := start(t, h, g.settings(longTimeouts()), server)
		idle := client(t, e, conf, g)
		if _, err := idle.Get("https://example.com/"); err != nil {
			t.Fatal(err)
		}
		slow := make(chan error, 1)
		busy := client(t, e, conf, g)
		go func() {
			resp, err := busy.Get("https://example.com/slow")
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				if string(body) != "whole" || !g.http2 && !resp.Close {
					err = errors.Join(err, errors.New("not whole, or the connection stays: "+string(body)))
				}
			}
			slow <- err
		}()
		<-entered
		silent := dial(t, e.addr)
		stopped := make(chan error, 1)
		begun := time.Now()
		go func() { stopped <- e.Shutdown(context.Background()) }()
		time.Sleep(100 * time.Millisecond)
		if _, err := client(t, e, conf, g).Get("https://example.com/"); err != nil {
			t.Errorf("while the others are told to go: %v", err)
		}
		select {
		case err := <-stopped:
			t.Fatalf("ended with a request in flight: %v", err)
		case <-time.After(drainAnnounce):
		}
		if _, err := net.Dial("tcp", e.addr); err == nil {
			t.Error("still accepts")
		}
		close(leave)
		if err := <-slow; err != nil {
			t.Errorf("the request in flight: %v", err)
		}
		if err := <-stopped; err != nil || time.Since(begun) > 4*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begun))
		}
		if n := e.Connections(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		silent.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := silent.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the silent connection is still open")
		}
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	leave := make(chan struct{})
	h := handlerFunc(func(*api.Request) api.Response { <-leave; return api.Response{Status: http.StatusOK} })
	e := start(t, h, defaultSettings, nil)
	c := dial(t, e.addr)
	io.WriteString(c, get(""))
	for e.Connections() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
	close(leave)
}

func TestPanicIsOneAnswer(t *testing.T) {
	e := start(t, handlerFunc(func(*api.Request) api.Response { panic("oh") }), defaultSettings, nil)
	if o := sendRaw(t, e.addr, get("")); len(o.codes) != 1 || o.codes[0] != 500 || !o.closed {
		t.Errorf("%v", o)
	}
}

// TestUnreadBody answers without the body: at once where the client still
// sends it, and without losing the connection where it is there already.
func TestUnreadBody(t *testing.T) {
	h := handlerFunc(func(*api.Request) api.Response {
		return api.Response{Status: http.StatusUnauthorized, Body: []byte("no")}
	})
	e := start(t, h, defaultSettings, nil)
	for _, c := range []struct {
		raw    string
		codes  []int
		closed bool
	}{
		{post("Content-Length: 5\r\n", "hello") + post("Content-Length: 5\r\n", "hello"), []int{401, 401}, false},
		{post("Content-Length: 5\r\n", "hel"), []int{401}, true},
		{post(chunked, "5\r\nhello\r\n0\r\n\r\n"), []int{401}, true},
	} {
		begun := time.Now()
		o := sendRaw(t, e.addr, c.raw)
		if !slices.Equal(o.codes, c.codes) || o.closed != c.closed {
			t.Errorf("%q: %v", c.raw, o)
		}
		if took := time.Since(begun); c.closed && took > defaultSettings.Body/2 {
			t.Errorf("%q: ended after %v", c.raw, took)
		}
	}
}

// TestRefusalArrives has the client send more than the buffers hold: closed at
// once, the connection would be reset before the client has read why.
func TestRefusalArrives(t *testing.T) {
	server, conf := certificate(t)
	h := handlerFunc(func(*api.Request) api.Response {
		return api.Response{Status: http.StatusRequestEntityTooLarge, Close: true, Body: []byte("too large")}
	})
	e := start(t, h, defaultSettings, server)
	for range 20 {
		c, err := tls.Dial("tcp", e.addr, conf)
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(c, post("Content-Length: 900000\r\n", strings.Repeat("x", 900_000)))
			sent <- err
		}()
		err = <-sent
		resp, rerr := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || rerr != nil || resp.StatusCode != 413 {
			t.Fatalf("sent: %v; read: %v, %v", err, resp, rerr)
		}
		c.Close()
	}
}
