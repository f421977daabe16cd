package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
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
	onEachEngine(t, func(t *testing.T, g protocol) {
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

func TestContinueIsSentWhenTheBodyIsWanted(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		for _, wanted := range []bool{true, false} {
			h := handlerFunc(func(r *api.Request) api.Response {
				if !wanted {
					return api.Response{Status: http.StatusUnauthorized}
				}
				return (&echo{}).Serve(context.Background(), r)
			})
			e := start(t, h, g.settings(defaultSettings), nil)
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
	})
}

// TestUnreadBody answers without the body: package http1 at once where the client
// still sends it, and without closing the connection where it is here already.
// net/http waits for the rest of a short body, and keeps the connection.
func TestUnreadBody(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		h := handlerFunc(func(*api.Request) api.Response {
			return api.Response{Status: http.StatusUnauthorized, Body: []byte("no")}
		})
		e := start(t, h, g.settings(defaultSettings), nil)
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
			if !slices.Equal(o.codes, c.codes) || g.fast && o.closed != c.closed {
				t.Errorf("%q: %v", c.raw, o)
			}
			if took := time.Since(begun); g.fast && c.closed && took > defaultSettings.Body/2 {
				t.Errorf("%q: ended after %v", c.raw, took)
			}
		}
	})
}

// TestRefusalArrives has the client send more than the buffers hold before it
// reads: closed at once, the connection would be reset, and the response lost.
// net/http reads 256 KiB of what the handler has not read.
func TestRefusalArrives(t *testing.T) {
	onHTTP1(t, func(t *testing.T, g protocol) {
		size := 900_000
		if !g.fast {
			size = 200_000
		}
		server, conf := certificate(t)
		h := handlerFunc(func(*api.Request) api.Response {
			return api.Response{Status: http.StatusRequestEntityTooLarge, Close: true, Body: []byte("too large")}
		})
		e := start(t, h, g.settings(defaultSettings), server)
		for range 20 {
			c, err := tls.Dial("tcp", e.addr, conf)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(c, post(fmt.Sprintf("Content-Length: %d\r\n", size), strings.Repeat("x", size)))
			resp, readErr := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || readErr != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Fatalf("sent: %v; read: %v, %v", err, resp, readErr)
			}
			c.Close()
		}
	})
}
