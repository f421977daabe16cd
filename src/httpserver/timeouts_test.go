package httpserver

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"foobar/src/api"
)

// A slowClient sends what never ends. The connection ends after a time, with
// these responses, and with others where net/http serves it.
type slowClient struct {
	name, raw string
	next      string // sent after the first response
	drip      string // sent every 50 ms
	after     time.Duration
	codes     []int
	netHTTP   []int // nil where they are the same
}

func TestSlowClients(t *testing.T) {
	s := defaultSettings
	s.Header, s.Body, s.Idle = time.Second, 500*time.Millisecond, 2400*time.Millisecond // apart, also their sums
	half := "GET / HTTP/1.1\r\nHost: a\r\n"
	none := []int{}
	for _, c := range []slowClient{
		{"silent", "", "", "", s.Header, none, nil},
		{"half a request line", "GET / HT", "", "", s.Header, []int{408}, []int{400}},
		{"endless header", half, "", "X: y\r\n", s.Header, []int{408}, none},
		{"body missing", post("Content-Length: 5\r\n", ""), "", "", s.Body, []int{408}, nil},
		{"endless body", post("Content-Length: 5000\r\n", ""), "", "x", s.Body, []int{408}, nil},
		{"endless chunks", post(chunked, ""), "", "1\r\nx\r\n", s.Body, []int{408}, nil},
		{"second request endless", get("") + half, "", "X: y\r\n", s.Header, []int{200, 408}, []int{200}},
		{"endless after a response", get(""), half, "X: y\r\n", s.Header, []int{200, 408}, []int{200}},
		{"idle", get(""), "", "", s.Idle, []int{200}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			onHTTP1(t, func(t *testing.T, g protocol) {
				t.Parallel()
				c.expectEnd(t, g, s)
			})
		})
	}
}

func (c slowClient) expectEnd(t *testing.T, g protocol, s Settings) {
	t.Helper()
	h := handlerFunc(func(r *api.Request) api.Response {
		if _, err := io.Copy(io.Discard, r.Body); errors.Is(err, os.ErrDeadlineExceeded) {
			return api.Response{Status: http.StatusRequestTimeout, Close: true}
		}
		return api.Response{Status: http.StatusOK}
	})
	conn := dial(t, start(t, h, g.settings(s), nil).addr)
	begun := time.Now()
	io.WriteString(conn, c.raw)
	stop := make(chan struct{})
	defer close(stop)
	if c.drip != "" && c.next == "" {
		go drip(conn, c.drip, stop)
	}
	in := bufio.NewReader(conn)
	codes := []int{}
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		codes = append(codes, resp.StatusCode)
		io.Copy(io.Discard, resp.Body)
		if c.next != "" {
			begun = time.Now()
			io.WriteString(conn, c.next)
			go drip(conn, c.drip, stop)
			c.next = ""
		}
	}
	if took := time.Since(begun); took < c.after-c.after/4 || took > c.after+400*time.Millisecond {
		t.Errorf("ended after %v, want about %v", took, c.after)
	}
	want := c.codes
	if !g.fast && c.netHTTP != nil {
		want = c.netHTTP
	}
	if !slices.Equal(codes, want) {
		t.Errorf("answered %v, want %v", codes, want)
	}
}

// drip writes text every 50 ms.
func drip(w io.Writer, text string, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	}
}

func TestSlowHandshake(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		server, _ := certificate(t)
		s := defaultSettings
		s.Header = 200 * time.Millisecond
		e := start(t, &echo{}, g.settings(s), server)
		c := dial(t, e.addr)
		begun := time.Now()
		if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(begun) > 20*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if !e.counted(t, `foobar_http_requests_refused_total{listener="https",reason="handshake"} 1`) {
			t.Error("not counted")
		}
	})
}

// TestStalledReader asks for more than the buffers between hold, and reads none
// of it.
func TestStalledReader(t *testing.T) {
	server, conf := certificate(t)
	onEachEngine(t, func(t *testing.T, g protocol) {
		s := defaultSettings
		s.Header, s.Response, s.Body, s.Idle = time.Minute, 300*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
		e := start(t, &echo{size: 64 << 20}, g.settings(s), server)
		c := client(t, e, conf, g)
		c.Timeout = 0 // the client must not end what the server has to end
		resp, err := c.Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		deadline := time.Now().Add(20 * time.Second)
		for e.Connections() > 0 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		if n := e.Connections(); n > 0 {
			t.Errorf("%d connections still open", n)
		}
	})
}

// TestStalledBody announces a body and sends nothing of it.
func TestStalledBody(t *testing.T) {
	server, conf := certificate(t)
	onEachEngine(t, func(t *testing.T, g protocol) {
		s := longTimeouts()
		s.Body = 300 * time.Millisecond
		c := client(t, start(t, &echo{}, g.settings(s), server), conf, g)
		c.Timeout = 20 * time.Second
		body, end := io.Pipe()
		defer end.Close()
		resp, err := c.Post("https://example.com/", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}
