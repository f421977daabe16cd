package http1

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
	"foobar/src/request"

	"github.com/valyala/fasthttp"
)

// requestBuffers are what a connection needs to read and answer requests. An idle
// connection has none.
type requestBuffers struct {
	in      *bufio.Reader
	header  fasthttp.RequestHeader
	request parsedRequest
	body    body
	out     []byte
	// refusedMethod is HEAD where that is the method of a request, even of one that
	// cannot be read further.
	refusedMethod string
}

func (b *requestBuffers) release(live *liveSettings) {
	b.in.Reset(nil)
	b.request = parsedRequest{}
	b.body = body{}
	live.buffers.Put(b)
}

// skipEmptyLine drops an empty line before a request, which some clients send
// after a body (RFC 9112, section 2.2). The connection stays idle.
func (b *requestBuffers) skipEmptyLine(live *liveSettings, c engine.Conn) bool {
	// Peek buffers what has arrived.
	if first, _ := b.in.Peek(1); b.in.Buffered() == 1 && first[0] == '\r' {
		c.SetHeaderTimeout(time.Now(), live.Header)
		_, _ = b.in.Peek(2)
	}
	buffered, _ := b.in.Peek(b.in.Buffered())
	found := bytes.HasPrefix(buffered, []byte("\r\n"))
	if found {
		_, _ = b.in.Discard(2)
	}
	return found
}

// serveRequest reads one request and answers it. It reports whether the
// connection can carry another.
func (s *Server) serveRequest(ctx context.Context, live *liveSettings, c engine.Conn, b *requestBuffers, client request.Client) bool {
	start := time.Now()
	if err := b.readHeader(live, c, start); err != nil {
		s.writeError(live, c, b, start, err)
		return false
	}
	c.StartRequest(start)
	r := &b.request
	b.body.reset(c, b.in, r, live.Body)
	r.req.ID, r.req.Body, r.req.Client = request.NewID(), &b.body, client
	if !b.body.finished {
		r.req.Interrupt = func() { _ = c.SetReadDeadline(time.Now()) }
	}
	last, err := s.respond(ctx, live, c, b, start)
	if !b.body.finished && err == nil {
		c.Linger(live.Body, live.MaxDiscard)
	}
	return !last && err == nil
}

// respond answers the request that b holds, and reports whether that was the
// last of its connection.
func (s *Server) respond(ctx context.Context, live *liveSettings, c engine.Conn, b *requestBuffers, start time.Time) (last bool, err error) {
	r := &b.request
	record := engine.AccessRecord{ID: r.req.ID, Method: r.req.Method, Path: r.req.Path, Protocol: r.req.Protocol, Remote: c.RemoteAddr()}
	room := s.observer.RequestStarted(r.req.Client)
	var resp api.Response
	defer func() {
		if resp.Done != nil {
			resp.Done()
		}
		record.Duration = time.Since(start)
		record.RequestBytes = b.body.n
		s.observer.RequestDone(record)
	}()
	if room {
		resp = s.callHandler(ctx, &r.req)
	} else {
		resp = request.Busy()
	}
	record.Status = resp.Status
	last = !b.body.discardUnread() || r.close || resp.Close || c.Draining()
	now := time.Now()
	c.SetWriteTimeout(now, live.Response)
	id, connection := "", ""
	if s.observer.WantsRequestID(r.req.Method, resp.Status) {
		id = r.req.ID.String()
	}
	switch {
	case last:
		connection = "close"
	case r.keepAlive:
		connection = "keep-alive"
	}
	record.ResponseBytes, err = b.send(c, &resp, now, id, r.req.Method, connection)
	return last, err
}

// callHandler turns a panic of the handler into a response with status 500.
func (s *Server) callHandler(ctx context.Context, r *api.Request) (resp api.Response) {
	defer func() {
		if p := recover(); p != nil {
			s.observer.HandlerPanicked(r.ID, p)
			resp = api.Response{Status: http.StatusInternalServerError, Close: true}
		}
	}()
	return s.handler.Serve(ctx, r)
}

// readHeader reads and parses a header section. The parser must take the same
// bytes for it as headerScanner, or it has read something else.
func (b *requestBuffers) readHeader(live *liveSettings, c engine.Conn, now time.Time) error {
	length, err := b.readHeaderBytes(live, c, now)
	buffered, _ := b.in.Peek(b.in.Buffered())
	b.refusedMethod = ""
	if bytes.HasPrefix(buffered, []byte("HEAD ")) {
		b.refusedMethod = http.MethodHead
	}
	if err != nil {
		return err
	}
	readAsHTTP11(buffered)
	if b.header.Read(b.in) != nil || len(buffered)-b.in.Buffered() != length {
		return b.request.diagnose(buffered[:length])
	}
	return b.request.parse(&b.header)
}

// readHeaderBytes waits until the whole header section is buffered, and returns
// its length.
func (b *requestBuffers) readHeaderBytes(live *liveSettings, c engine.Conn, now time.Time) (int, error) {
	var s headerScanner
	for want := 1; ; want = b.in.Buffered() + 1 {
		if want > b.in.Buffered() {
			c.SetHeaderTimeout(now, live.Header)
		}
		if _, err := b.in.Peek(want); err != nil {
			return 0, err
		}
		buffered, _ := b.in.Peek(b.in.Buffered())
		n, err := s.end(buffered)
		switch {
		case s.lines > live.MaxHeader/lineShare, n == 0 && err == nil && len(buffered) >= live.MaxHeader:
			return 0, errTooLong
		case n > 0, err != nil:
			return n, err
		}
	}
}
