package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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

// TestHandshakeIsLimited checks that a client cannot make the server keep a TLS
// message of any size.
func TestHandshakeIsLimited(t *testing.T) {
	conf, config := certificate(t)
	r := start(t, &echo{}, longTimeouts(), conf)
	for protocols, want := range map[int]bool{1: true, 3000: false} { // about 40 KiB of ALPN
		config := config.Clone()
		for i := range protocols {
			config.NextProtos = append(config.NextProtos, fmt.Sprintf("http/1.1-%d", i))
		}
		config.NextProtos = append(config.NextProtos, "http/1.1")
		c := tls.Client(dial(t, r.addr), config)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if err := c.Handshake(); (err == nil) != want {
			t.Errorf("%d protocols: %v", protocols, err)
		}
	}
}

// TestHandshakesAreLimited checks that clients which send nothing do not keep more than
// maxHandshakes connections in the TLS handshake.
func TestHandshakesAreLimited(t *testing.T) {
	conf, _ := certificate(t)
	r := start(t, &echo{}, longTimeouts(), conf)
	var conns []net.Conn
	for range maxHandshakes + 1 {
		conns = append(conns, dial(t, r.addr))
	}
	wantOneClosed(t, conns)
}

// wantOneClosed checks that the server closes one of the connections.
func wantOneClosed(t *testing.T, conns []net.Conn) {
	t.Helper()
	ended, deadline := make(chan error, len(conns)), time.Now().Add(15*time.Second)
	for _, c := range conns {
		c.SetReadDeadline(deadline)
		go func() {
			_, err := io.Copy(io.Discard, c)
			ended <- err
		}()
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("all of %d connections are open", len(conns))
	}
}

// TestResponseIsReadAfterTheWholeBody checks that a client which reads nothing
// before it has sent its whole body gets the response of a handler that has not
// read the body (RFC 9112, section 9.6).
func TestResponseIsReadAfterTheWholeBody(t *testing.T) {
	conf, config := certificate(t)
	config.NextProtos = []string{"http/1.1"}
	settings := longTimeouts()
	settings.MaxDiscard = 64 << 20
	refuse := handlerFunc(func(*api.Request) api.Response {
		return api.Response{Status: http.StatusUnauthorized, Close: true}
	})
	body := make([]byte, 8<<20)
	for _, fast := range []bool{true, false} {
		settings.FastPath = fast
		r := start(t, refuse, settings, conf)
		for try := range 10 {
			c := tls.Client(dial(t, r.addr), config)
			c.SetDeadline(time.Now().Add(30 * time.Second))
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", len(body))
			if _, err := c.Write(body); err != nil {
				t.Fatalf("fast path %v, try %d: %v", fast, try, err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				t.Fatalf("fast path %v, try %d: %v, %v", fast, try, resp, err)
			}
			c.Close()
		}
	}
}

// TestHTTP2IsAQuarter checks that HTTP/2 cannot have all connections.
func TestHTTP2IsAQuarter(t *testing.T) {
	conf, config := certificate(t)
	config.NextProtos = []string{"h2"}
	settings := longTimeouts()
	settings.Connections = 4
	r := start(t, &echo{}, settings, conf)
	first := tls.Client(dial(t, r.addr), config)
	if err := first.Handshake(); err != nil {
		t.Fatal(err)
	}
	second := tls.Client(dial(t, r.addr), config)
	if err := second.Handshake(); err != nil {
		t.Fatal(err)
	}
	// The client completes its handshake before the server, so that the server may
	// take them for HTTP/2 in the other order.
	ended := make(chan error, 2)
	for _, c := range []*tls.Conn{first, second} {
		// net/http closes a connection without a preface after 10 seconds.
		c.SetDeadline(time.Now().Add(8 * time.Second))
		go func() {
			_, err := io.Copy(io.Discard, c)
			ended <- err
		}()
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("two of four connections are HTTP/2")
	}
	first.Close()
	second.Close()
	for deadline := time.Now().Add(10 * time.Second); r.Connections() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // one that is open could be found too late to make room
	}
	c := client(t, r, config, protocol{http2: true})
	resp, err := c.Get("https://example.com/")
	if err != nil {
		t.Fatalf("after both were closed: %v", err)
	}
	resp.Body.Close()
}

// TestLargeRecordsAreLimited checks that not all connections can keep the buffer of a
// large record.
func TestLargeRecordsAreLimited(t *testing.T) {
	conf, config := certificate(t)
	config.NextProtos, config.DynamicRecordSizingDisabled = []string{"http/1.1"}, true
	settings := longTimeouts()
	settings.Connections = 4 // of which one may be large
	r := start(t, &echo{}, settings, conf)
	var conns []net.Conn
	for range 2 {
		c := tls.Client(dial(t, r.addr), config)
		if _, err := io.WriteString(c, get("X: "+strings.Repeat("x", 15000)+"\r\n")); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	wantOneClosed(t, conns)
}

// TestNoByteMovesTheDeadlineOfADrain checks that a client which sends a header
// byte by byte cannot hold up a shutdown.
func TestNoByteMovesTheDeadlineOfADrain(t *testing.T) {
	for _, fast := range []bool{true, false} {
		settings := longTimeouts()
		settings.FastPath = fast
		r := start(t, &echo{}, settings, nil)
		c := dial(t, r.addr)
		fmt.Fprint(c, get("")+"GET / HTTP/1.1\r\nX: ")
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Fatal(err)
		}
		stop := dribble(c)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if err := r.Shutdown(ctx); err != nil {
			t.Errorf("fast path %v: %v", fast, err)
		}
		cancel()
		stop()
	}
}

// TestLoggedValuesAreBounded checks that a request does not make many times its
// size of log: each byte of a path can take three when it is escaped.
func TestLoggedValuesAreBounded(t *testing.T) {
	settings := longTimeouts()
	settings.AccessLog = true
	for name, line := range map[string]string{
		"path":   "GET /" + strings.Repeat("%01", 4000),
		"method": strings.Repeat("A", 12000) + " /",
	} {
		r := start(t, &echo{}, settings, nil)
		sendRaw(t, r.addr, line+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		message, fields := r.logged(t, 1)
		if field := fields[name].(string); len(message) > 4*maxLogged || len(field) > 3*maxLogged {
			t.Errorf("a long %s makes a message of %d bytes and a field of %d", name, len(message), len(field))
		}
	}
	r := startDebug(t, settings, nil)
	r.observer.refused(reasonHandshake, errors.New(strings.Repeat("x", 4000)), nil)
	entries := r.log.FilterMessage("refused").All()
	if len(entries) == 0 {
		t.Error("the error is not logged")
	}
	for _, entry := range entries {
		if n := len(entry.ContextMap()["error"].(string)); n > maxLogged {
			t.Errorf("an error has %d bytes", n)
		}
	}
}

// TestHeadersAreLimited sends a header of limits.header and a larger one by each
// protocol. What net/http adds to the limit is within a quarter of it.
func TestHeadersAreLimited(t *testing.T) {
	conf, config := certificate(t)
	const quarter = 4 << 10
	settings := longTimeouts()
	settings.MaxHeader = 4 * quarter
	for size, want := range map[int]string{3 * quarter: "200", 6 * quarter: "431"} {
		onHTTP1(t, func(t *testing.T, g protocol) {
			c := dial(t, start(t, &echo{}, g.settings(settings), nil).addr)
			io.WriteString(c, get("X: "+strings.Repeat("x", size)+"\r\n"))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || !strings.HasPrefix(resp.Status, want) {
				t.Errorf("a field of %d bytes: %v, %v, want %s", size, resp, err, want)
			}
		})
		c := dialHTTP2(t, start(t, &echo{}, settings, conf), config)
		var fields []string // the headers are in several frames otherwise
		for range size / 1024 {
			fields = append(fields, "x", strings.Repeat("x", 1000))
		}
		c.request(1, "GET", true, fields...)
		c.expect(t, "1: "+want)
	}
}

// TestLinesOfListsAreLimited sends lists of entity tags over many lines: each line copies
// those before it.
func TestLinesOfListsAreLimited(t *testing.T) {
	conf, config := certificate(t)
	onEachEngine(t, func(t *testing.T, g protocol) {
		r := start(t, &echo{}, g.settings(longTimeouts()), conf)
		for _, test := range []struct{ match, noneMatch, want int }{{100, 0, 200}, {101, 0, 400}, {0, 101, 400}, {50, 50, 200}, {50, 51, 400}} {
			req, err := http.NewRequest("GET", "https://example.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header["If-Match"] = slices.Repeat([]string{`"a"`}, test.match)
			req.Header["If-None-Match"] = slices.Repeat([]string{`"a"`}, test.noneMatch)
			resp, err := client(t, r, config, g).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != test.want {
				t.Errorf("%d lines of If-Match and %d of If-None-Match: status %d, want %d", test.match, test.noneMatch, resp.StatusCode, test.want)
			}
		}
	})
}
