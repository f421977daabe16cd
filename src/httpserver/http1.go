package httpserver

import (
	"bufio"
	"io"
	"net/http"
	"time"

	"foobar/src/api"

	"github.com/valyala/fasthttp"
)

// A workspace is what a connection needs while a request is there. Idle
// connections have none.
type workspace struct {
	from   inlet
	in     *bufio.Reader
	header fasthttp.RequestHeader
	read   reading
	body   body
	answer fasthttp.ResponseHeader
	out    []byte
	value  []byte
}

// firstRead is how much of a request an idle connection has room for, in
// bytes: most of those without a body.
const firstRead = 512

// An inlet gives the bytes that ended the wait for a request, and then what the
// connection gives.
type inlet struct {
	head []byte
	conn io.Reader
}

func (s *inlet) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	return s.conn.Read(p)
}

// serve1 serves HTTP/1.1 until the connection ends.
func (e *Engine) serve1(c *conn) {
	head := make([]byte, firstRead)
	wait := e.terms.Load().Header
	for {
		n, _ := c.await(head, wait)
		if n == 0 {
			return
		}
		t := e.terms.Load()
		w := t.workspaces.Get().(*workspace)
		w.from = inlet{head[:n], c}
		w.in.Reset(&w.from)
		more := true
		for more && len(w.from.head)+w.in.Buffered() > 0 {
			more = e.exchange(t, c, w)
		}
		w.release(t)
		if !more {
			return
		}
		wait = t.Idle
	}
}

func (w *workspace) release(t *terms) {
	w.from = inlet{}
	w.read = reading{}
	w.body = body{}
	t.workspaces.Put(w)
}

// exchange reads one request and answers it. It says whether the connection
// can carry another.
func (e *Engine) exchange(t *terms, c *conn, w *workspace) bool {
	begun := time.Now()
	if err := w.receive(t, c, begun); err != nil {
		e.refuse(t, c, w, begun, err)
		return false
	}
	r := &w.read
	w.body.reset(c, w.in, r, t.Body)
	r.req.ID, r.req.Body, r.req.Peer, r.req.Trusted = api.NewID(), &w.body, c.peer, e.options.Trusted
	resp := e.answer(e.base, &r.req)
	whole := w.body.skip()
	last := r.close || resp.Close || !whole || e.draining.Load()
	c.writeWithin(time.Now(), t.Response)
	sent, err := w.send(c, &resp, named(t, &r.req, resp.Status), r.req.Method == http.MethodHead, last)
	took := e.answered(r.req.Method, resp.Status, begun, w.body.n, sent)
	if e.logs(t) {
		e.access(&r.req, exchange{r.protocol, c.RemoteAddr(), resp.Status, took, w.body.n, sent})
	}
	if !whole && err == nil {
		c.linger()
	}
	return !last && err == nil
}

// receive reads and judges a header section. What the parser takes for it must
// be what it was judged on.
func (w *workspace) receive(t *terms, c *conn, now time.Time) error {
	length, err := w.section(t, c, now)
	if err != nil {
		return err
	}
	before := w.in.Buffered()
	if err := w.header.Read(w.in); err != nil || before-w.in.Buffered() != length {
		return errMalformed
	}
	return w.read.take(&w.header)
}

// section waits until the whole header section is buffered.
func (w *workspace) section(t *terms, c *conn, now time.Time) (int, error) {
	var s section
	for want := 1; ; want = w.in.Buffered() + 1 {
		if want > t.MaxHeader {
			return 0, errTooLong
		}
		if want > 1 || len(w.from.head) == 0 {
			c.readWithin(now, t.Header)
		}
		if _, err := w.in.Peek(want); err != nil {
			return 0, err
		}
		b, _ := w.in.Peek(w.in.Buffered())
		if n, err := s.end(b); n > 0 || err != nil {
			return n, err
		}
	}
}
