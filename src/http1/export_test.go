package http1

import (
	"bufio"
	"bytes"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
)

// ParseForTest reads one request from raw as ServeConn does, and returns it with
// the bytes that follow its header section.
func ParseForTest(c engine.Conn, raw []byte, maxHeader int) (*api.Request, []byte, error) {
	live := &liveSettings{Settings: engine.Settings{Header: time.Minute, MaxHeader: maxHeader}}
	b := &requestBuffers{in: bufio.NewReaderSize(bytes.NewReader(raw), maxHeader)}
	if err := b.readHeader(live, c, time.Now()); err != nil {
		return nil, nil, err
	}
	rest, _ := b.in.Peek(b.in.Buffered())
	b.body.reset(c, b.in, &b.request, time.Minute)
	b.request.req.Body = &b.body
	return &b.request.req, bytes.Clone(rest), nil
}
