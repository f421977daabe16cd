package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/src/api"
)

// differences lists the requests of the corpus to which net/http responds otherwise than
// package http1, with the reason why that is accepted. A
// difference that is not listed fails the test, and so does one that is gone.
var differences = []struct {
	reason string
	wires  []string
}{
	{"it takes LF for the end of a line (RFC 9112, section 2.2, allows that); a proxy that does not would see one request less", []string{
		"bare LF everywhere", "bare LF after request line", "bare LF after field", "bare LF ends header", "LF LF hides a request",
		"trailer with bare LF", "trailer ended by LF LF", "body ends in LF",
	}},
	{"it joins folded lines (section 5.2 allows that)", []string{
		"obs-fold with space", "obs-fold with tab", "obs-fold of Transfer-Encoding", "trailer folded",
	}},
	{"it refuses white space before a chunk extension", []string{"white space before a chunk extension"}},
	{"it ignores an empty line before a request only after a POST", []string{"leading empty line", "empty line between requests"}},
	{"it lets Transfer-Encoding override Content-Length (section 6.3 allows that)", []string{
		"Content-Length then Transfer-Encoding", "Transfer-Encoding then Content-Length", "GET with Content-Length and Transfer-Encoding",
	}},
	{"it takes equal values of Content-Length for one (section 6.3 allows that)", []string{"two equal Content-Length"}},
	{"it ignores Transfer-Encoding in HTTP/1.0", []string{"Transfer-Encoding in HTTP/1.0"}},
	{"it keeps a connection of HTTP/1.0 whose client asks for keep-alive and close", []string{"HTTP/1.0 with keep-alive and close"}},
	{"it takes white space before the colon of a trailer field", []string{"trailer with space before colon"}},
	{"it names the version as the client does", []string{"HTTP/1.2", "HTTP/1.9 with chunks"}},
	{"it does not compare the target with the method or with Host", []string{
		"CONNECT", "asterisk with GET", "authority form with GET", "absolute form, other host", "absolute form, other port", "absolute form with userinfo", "absolute form, other scheme",
	}},
	{"it passes bytes in the target to the handler that no URI has", []string{"fragment in target", "byte over 127 in target"}},
	{"it sends a body with its refusal of a HEAD", []string{"HEAD that is refused"}},
}

// A reflector answers with the request as the handler sees it.
type reflector struct{}

func (reflector) Serve(_ context.Context, r *api.Request) api.Response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return api.Response{Status: http.StatusBadRequest, Close: true, ContentType: "text/plain", Body: []byte("the body is not whole")}
	}
	text := fmt.Sprintf("%q %q %q %d %v %v %v %v %v %v %v %v %q", r.Method, r.Path, r.Protocol, r.ContentLength, r.NoLength,
		r.Authorization, r.IfMatch, r.IfNoneMatch, r.ContentEncoding, r.ContentRange, r.IfRange, r.Range, body)
	return api.Response{Status: http.StatusOK, ContentType: "text/plain", ETag: `"a"`, Body: []byte(text)}
}

// exchange sends raw to one engine and describes what it receives: each response of the
// handler without the protocol's own fields, the status of other responses, and whether
// the connection is closed.
func exchange(addr, raw string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, raw) }()
	method, _, _ := strings.Cut(raw, " ")
	var said strings.Builder
	for in := bufio.NewReader(c); ; {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		if _, err := in.Peek(1); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				said.WriteString("closed")
			}
			return said.String()
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return said.String() + "not HTTP: " + err.Error()
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return said.String() + "a body that is not whole"
		}
		fmt.Fprintf(&said, "%d ", resp.StatusCode)
		if resp.StatusCode == http.StatusOK {
			said.WriteString(responseFields(resp.Header))
			fmt.Fprintf(&said, "%q\n", body)
		}
	}
}

// exchangeWithBoth sends raw to both engines. It repeats an outcome that is not the one
// expected: on a busy machine a response may come when quiet is over.
func exchangeWithBoth(fast, slow, raw string, agree bool) (ours, theirs string) {
	for range 3 {
		if ours, theirs = exchange(fast, raw), exchange(slow, raw); (ours == theirs) == agree {
			break
		}
	}
	return ours, theirs
}

// responseFields returns the header fields that do not depend on the time.
func responseFields(h http.Header) string {
	var fields strings.Builder
	h.Del("Date")
	if h.Get("X-Request-Id") != "" {
		h.Set("X-Request-Id", "one")
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&fields, "%s: %q; ", name, h[name])
	}
	return fields.String()
}

// startEngines serves h by package http1 and by net/http, and returns the addresses.
func startEngines(t *testing.T, h api.Service) (fast, slow string) {
	t.Helper()
	return start(t, h, engines[0].settings(defaultSettings), nil).addr, start(t, h, engines[1].settings(defaultSettings), nil).addr
}

// TestEnginesAgree sends the corpus to package http1 and to net/http.
func TestEnginesAgree(t *testing.T) {
	reasons := map[string]string{}
	for _, d := range differences {
		for _, name := range d.wires {
			reasons[name] = d.reason
		}
	}
	fast, slow := startEngines(t, reflector{})
	var waits sync.WaitGroup
	for _, w := range corpus() {
		reason, known := reasons[w.name]
		delete(reasons, w.name)
		waits.Go(func() {
			ours, theirs := exchangeWithBoth(fast, slow, w.raw, !known)
			switch {
			case ours == theirs && known:
				t.Errorf("%s: listed as a difference (%s), and is none: %s", w.name, reason, ours)
			case ours != theirs && !known:
				t.Errorf("%s\nhttp1:    %s\nnet/http: %s", w.name, ours, theirs)
			}
		})
	}
	waits.Wait()
	for name := range reasons {
		t.Errorf("the corpus does not have %q", name)
	}
}

// TestEnginesAgreeOnValidRequests sends random well-formed requests, several on
// a connection.
func TestEnginesAgreeOnValidRequests(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fast, slow := startEngines(t, reflector{})
	for range 200 {
		var raw string
		for range 1 + rng.IntN(4) {
			raw += randomRequest(rng)
		}
		raw += "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		ours, theirs := exchangeWithBoth(fast, slow, raw, true)
		if ours != theirs {
			t.Fatalf("%q\nhttp1:    %s\nnet/http: %s", raw, ours, theirs)
		}
	}
}

// randomRequest returns a request that RFC 9112 allows.
func randomRequest(rng *rand.Rand) string {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	host := pick("a", "localhost:8080", "[::1]:8080", "xn--bcher-kva.example")
	target := pick("/", "/a", "/a/b?c=d", "/%41%20b", "/a%2Fb", "//", "/?", "/a;b", "/~!$&'()*+,;=:@", "http://"+host+"/x", "http://"+host, "/%e4")
	method := pick("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "M-SEARCH")
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n%s: %s\r\n", method, target, pick("Host", "host", "HOST"), host)
	for _, f := range []string{"Authorization: Bearer abc", "If-Match: \"a\", W/\"b\"", "if-none-match: *", "If-None-Match: \"c\"", "If-Match:", "Content-Encoding: gzip", "Content-Encoding:", "Content-Range: bytes 0-0/1", "Content-Range:",
		"Range: bytes=0-1", "If-Range: \"a\"", "Accept: */*", "X-Empty:", "Cookie: a=b; c=d", "User-Agent:  x/1 \t", "Accept-Encoding: gzip"} {
		if rng.IntN(3) == 0 {
			b.WriteString(f + "\r\n")
		}
	}
	body := base64.StdEncoding.EncodeToString(make([]byte, rng.IntN(3000)))
	switch rng.IntN(3) {
	case 0:
		b.WriteString("\r\n")
	case 1:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	case 2:
		b.WriteString(pick("Transfer-Encoding: chunked", "transfer-encoding: Chunked") + "\r\n\r\n")
		for len(body) > 0 {
			n := 1 + rng.IntN(len(body))
			fmt.Fprintf(&b, "%x%s\r\n%s\r\n", n, pick("", ";a=b", ";a"), body[:n])
			body = body[n:]
		}
		b.WriteString("0\r\n" + pick("", "X-Checksum: abc\r\nY:\r\n") + "\r\n")
	}
	return b.String()
}
