//go:build attack

package attack

import (
	"io"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestLateBodies checks which responses with status 408 a random client of HTTP/2 takes
// for a fault of the server: all but those to a body that it has sent too late.
func TestLateBodies(t *testing.T) {
	const timeout = 10 * time.Second
	begun := time.Now().Add(-timeout - time.Second)
	body := []byte("body")
	for name, test := range map[string]struct {
		stream stream2
		fault  bool
	}{
		"no body":                       {stream2{begun: begun, sentAll: true, sent: begun}, true},
		"body in time":                  {stream2{request: randomRequest{body: body}, begun: begun, sentAll: true, sent: begun.Add(time.Second)}, true},
		"body late":                     {stream2{request: randomRequest{body: body}, begun: begun, sentAll: true, sent: begun.Add(timeout - time.Second)}, false},
		"body not sent":                 {stream2{request: randomRequest{body: body}, begun: begun, send: 1}, false},
		"body waits for a window":       {stream2{request: randomRequest{body: body}, begun: begun}, true},
		"before the timeout has passed": {stream2{request: randomRequest{body: body}, begun: begun.Add(5 * time.Second), send: 1}, true},
	} {
		c := &random2{h: &h2conn{}, t: Target{Timeout: timeout}, streams: map[uint32]*stream2{1: &test.stream}, send: 1}
		err := c.processHeaders(&http2.MetaHeadersFrame{
			HeadersFrame: &http2.HeadersFrame{FrameHeader: http2.FrameHeader{StreamID: 1}},
			Fields:       []hpack.HeaderField{{Name: ":status", Value: "408"}},
		})
		if (err != nil) != test.fault {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClosedAfterAPause checks that a random client takes the end of a connection with open
// streams for a fault, unless it has read no frame for so long that the server may end it.
func TestClosedAfterAPause(t *testing.T) {
	for _, test := range []struct {
		pause time.Duration
		end   error
		fault bool
	}{
		{9 * time.Second, io.ErrUnexpectedEOF, true},
		{10 * time.Second, io.ErrUnexpectedEOF, false},
		{goAwayTimeout / 2, syscall.ECONNRESET, true},
		{goAwayTimeout, syscall.ECONNRESET, false},
	} {
		c := &random2{h: &h2conn{}, t: Target{Timeout: 10 * time.Second}, streams: map[uint32]*stream2{1: {}}, longestPause: test.pause}
		if err := c.endError(test.end); (err != io.EOF) != test.fault || c.late == test.fault {
			t.Errorf("%v after %v: %v", test.end, test.pause, err)
		}
	}
}
