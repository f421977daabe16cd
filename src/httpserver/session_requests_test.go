package httpserver

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2"
)

// TestRequestsOfHTTP2 is RFC 9113, section 8, and what HTTP/1.1 refuses too.
func TestRequestsOfHTTP2(t *testing.T) {
	h := &echo{}
	p, _ := meet(t, h, usual)
	id := uint32(1)
	for _, c := range []struct {
		want   string // "" is 200
		seen   string
		fields []string
	}{
		{"", "GET / 0", nil},
		{"", "GET /a b 0", []string{":path: /a%20b?c"}},
		{"", "OPTIONS * 0", []string{":method: OPTIONS", ":path: *"}},
		{"", "GET / 0", []string{"te: trailers"}},
		{"", "GET / 0", []string{"host: A"}},
		{"", "GET / 0", []string{":authority", "host: a"}},
		{"", "GET / 0", []string{"cookie: a", "x: \xe4"}},
		{"", "GET / 0", []string{"content-length: 0"}},

		{"PROTOCOL_ERROR", "", []string{":method"}},
		{"PROTOCOL_ERROR", "", []string{":scheme"}},
		{"PROTOCOL_ERROR", "", []string{":path"}},
		{"PROTOCOL_ERROR", "", []string{":path: a"}},
		{"PROTOCOL_ERROR", "", []string{":path: *"}},
		{"PROTOCOL_ERROR", "", []string{":path: https://a/"}},
		{"PROTOCOL_ERROR", "", []string{":status: 200"}},
		{"PROTOCOL_ERROR", "", []string{":unknown: x"}},
		{"PROTOCOL_ERROR", "", []string{"x: y", ":extra: z"}},
		{"PROTOCOL_ERROR", "", []string{":protocol: websocket", ":method: CONNECT"}},
		{"PROTOCOL_ERROR", "", []string{":method: CONNECT"}},
		{"PROTOCOL_ERROR", "", []string{"X: y"}},
		{"PROTOCOL_ERROR", "", []string{"a b: y"}},
		{"PROTOCOL_ERROR", "", []string{"x: a\nb"}},
		{"400", "", []string{"x:  y"}},
		{"400", "", []string{"x: y\t"}},
		{"PROTOCOL_ERROR", "", []string{"connection: close"}},
		{"PROTOCOL_ERROR", "", []string{"keep-alive: 1"}},
		{"PROTOCOL_ERROR", "", []string{"proxy-connection: close"}},
		{"PROTOCOL_ERROR", "", []string{"transfer-encoding: chunked"}},
		{"PROTOCOL_ERROR", "", []string{"upgrade: h2c"}},
		{"PROTOCOL_ERROR", "", []string{"te: gzip"}},
		{"PROTOCOL_ERROR", "", []string{"host: b"}},
		{"PROTOCOL_ERROR", "", []string{":authority: u@a"}},
		{"PROTOCOL_ERROR", "", []string{":authority: a b"}},
		{"PROTOCOL_ERROR", "", []string{"content-length: 1"}},
		{"PROTOCOL_ERROR", "", []string{"content-length: x"}},
		{"PROTOCOL_ERROR", "", []string{"content-length: -1"}},

		{"400", "", []string{":authority"}},
		{"400", "", []string{":scheme: ftp"}},
		{"400", "", []string{":path: /%zz"}},
		{"400", "", []string{":path: /#a"}},
		{"400", "", []string{":method: A B"}},
		{"400", "", []string{":method: CONNECT", ":path", ":scheme"}},
		{"417", "", []string{"expect: x"}},
	} {
		p.ask(id, true, usually(c.fields...)...)
		want := c.want
		if want == "" {
			want = "200"
		}
		answer := p.next()
		if !strings.Contains(answer, want) {
			t.Errorf("%q: %s, want %s", c.fields, answer, want)
		}
		if strings.Contains(answer, ": 4") {
			p.find(t, "") // the sentence
		}
		seen := h.take()
		if c.seen == "" && len(seen) > 0 || c.seen != "" && !slices.Equal(seen, []string{c.seen}) {
			t.Errorf("%q: the Handler saw %q, want %q", c.fields, seen, c.seen)
		}
		id += 2
	}
	for field, want := range map[string]string{
		":path: /": "PROTOCOL_ERROR", ":method: GET": "PROTOCOL_ERROR", "content-length: 0": "PROTOCOL_ERROR",
		"authorization: Bearer a": "400", "range: bytes=0-": "400", "if-range: x": "400",
	} {
		twice := append(usually(), field, field)
		if field[0] == ':' {
			twice = append([]string{field}, usually()...)
		}
		p.ask(id, true, twice...)
		p.find(t, fmt.Sprintf("%d: %s", id, want))
		id += 2
	}
}

// TestBodiesOfHTTP2 is how a body can end, sections 8.1 and 8.1.1.
func TestBodiesOfHTTP2(t *testing.T) {
	for _, early := range []bool{false, true} { // whether the Handler answers before
		h := handlerFunc(func(r *api.Request) api.Response {
			if early {
				return api.Response{Status: http.StatusUnauthorized}
			}
			return (&echo{}).Serve(t.Context(), r)
		})
		p, e := meet(t, h, usual)
		id := uint32(1)
		for _, c := range []struct {
			length string
			send   func()
			want   string
		}{
			{"content-length: 2", func() { p.WriteData(id, false, []byte("a")); p.WriteData(id, true, []byte("b")) }, ": 200"},
			{"x: y", func() { p.WriteData(id, false, []byte("a")); p.ask(id, true, "x-trailer: y") }, ": 200"},
			{"content-length: 0", func() { p.WriteData(id, true, nil) }, ": 200"},
			{"content-length: 2", func() { p.WriteDataPadded(id, true, []byte("ab"), make([]byte, 200)) }, ": 200"},
			{"content-length: 2", func() { p.WriteData(id, true, []byte("a")) }, ": PROTOCOL_ERROR"},
			{"content-length: 2", func() { p.WriteData(id, false, []byte("abc")) }, ": PROTOCOL_ERROR"},
			{"content-length: 2", func() { p.WriteData(id, false, []byte("a")); p.ask(id, true, "x-trailer: y") }, ": PROTOCOL_ERROR"},
			{"x: y", func() { p.ask(id, true, ":path: /") }, ": PROTOCOL_ERROR"},
			{"x: y", func() { p.ask(id, false, "x-trailer: y") }, ": PROTOCOL_ERROR"},
		} {
			p.ask(id, false, usually(":method: POST", c.length)...)
			if early {
				p.wants(t, fmt.Sprintf("%d: 401, end", id))
			}
			c.send()
			if !early || c.want != ": 200" {
				p.find(t, fmt.Sprint(id, c.want))
			}
			id += 2
		}
		p.get(id)
		p.find(t, fmt.Sprint(id))
		if !e.counted(t, `foobar_http_requests_in_flight{listener="https"} 0`) {
			t.Error("requests left")
		}
	}
}

// TestUnwantedUploadsStop has a client send more than what an early answer
// waits for, and go on for a while; the connection stays good.
func TestUnwantedUploadsStop(t *testing.T) {
	h := handlerFunc(func(*api.Request) api.Response { return api.Response{Status: http.StatusUnauthorized} })
	patient := usual
	patient.Body = time.Minute // after which it would be asked not to anyway
	p, _ := meet(t, h, patient)
	p.ask(1, false, usually(":method: POST", "content-length: 9000000")...)
	p.wants(t, "1: 401, end")
	part := make([]byte, initialFrame)
	for range uploadWindow/initialFrame*3/4 + 1 {
		p.WriteData(1, false, part)
	}
	p.wants(t, "1: NO_ERROR")
	p.WriteData(1, false, part)
	p.ask(1, true, "x-trailer: y")
	p.get(3)
	p.wants(t, "3: 401, end")
}

func TestContinueOverHTTP2(t *testing.T) {
	p, _ := meet(t, &echo{}, usual)
	p.ask(1, false, usually(":method: POST", "expect: 100-continue")...)
	p.wants(t, "1: 100")
	p.WriteData(1, true, []byte("hello"))
	p.wants(t, "1: 200", "1: 5 bytes, end")
	p, _ = meet(t, answers(0), usual)
	p.ask(1, false, usually(":method: POST", "expect: 100-continue")...)
	p.wants(t, "1: 200, end")
}

func TestPanicOverHTTP2(t *testing.T) {
	p, _ := meet(t, handlerFunc(func(*api.Request) api.Response { panic("oh") }), usual)
	for id := uint32(1); id < 9; id += 4 {
		p.get(id)
		p.wants(t, fmt.Sprintf("%d: 500, end", id))
		p.ask(id+2, true, usually(":method: POST")...)
		p.wants(t, fmt.Sprintf("%d: 500, end", id+2))
	}
}

// TestCutBodyIsNotWhole resets a request whose body is here as a whole, and not
// read: the Handler must not take the part that it has for all of it.
func TestCutBodyIsNotWhole(t *testing.T) {
	read, err := make(chan struct{}), make(chan error)
	h := handlerFunc(func(r *api.Request) api.Response {
		r.Body.Read(make([]byte, 1))
		<-read
		_, e := io.ReadAll(r.Body)
		err <- e
		return api.Response{Status: http.StatusOK}
	})
	p, _ := meet(t, h, usual)
	p.post(1)
	p.WriteData(1, true, []byte("hello"))
	p.WriteRSTStream(1, http2.ErrCodeCancel)
	p.WritePing(false, [8]byte{})
	p.wants(t, "PING")
	close(read)
	if e := <-err; e == nil {
		t.Error("the rest was read as if it was empty")
	}
}

// TestLateBodiesStop answers early, and waits for the rest of the body as long
// as for any.
func TestLateBodiesStop(t *testing.T) {
	p, _ := meet(t, answers(0), usual)
	p.post(1)
	p.wants(t, "1: 200, end", "1: NO_ERROR")
	p.get(3)
	p.wants(t, "3: 200, end")
}
