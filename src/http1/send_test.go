package http1

import (
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
)

// A sinkConn takes what is written.
type sinkConn struct{ engine.Conn }

func (sinkConn) Write(p []byte) (int, error) { return len(p), nil }

// TestHeadKeepsNoBody checks that a client which reads the response to a HEAD
// slowly does not keep the body in memory.
func TestHeadKeepsNoBody(t *testing.T) {
	resp := api.Response{Status: 200, Body: []byte("state")}
	var b requestBuffers
	if n, err := b.send(sinkConn{}, &resp, time.Now(), "", "HEAD", ""); n != 0 || err != nil || resp.Body != nil {
		t.Errorf("%d bytes were sent, %d are kept: %v", n, len(resp.Body), err)
	}
}
