package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"foobar/src/api"
)

// gathererKey finds the connection in the context of its requests.
type gathererKey struct{}

func withGatherer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, gathererKey{}, c)
}

func noteIdle(c net.Conn, s http.ConnState) {
	if g, ok := c.(*gatherer); ok {
		g.idle.Store(s == http.StateIdle)
	}
}

// serve2 serves HTTP/2 until the connection ends. Its preface has to come
// before the deadline that is set; package net/http lifts it then.
func (e *Engine) serve2(c *conn) {
	t := e.terms.Load()
	g := newGatherer(c, t.Response)
	defer g.timer.Stop()
	g.watcher = watch(c, t.Body+t.Response)
	defer g.watcher.stop()
	c.speaksHTTP2(g)
	for g.terms.Store(e.forNew()); !g.terms.Load().conns.deliver(g); {
		g.terms.Store(e.forNew()) // other terms have come into force
	}
	<-g.closed
	if t := g.terms.Load(); e.draining.Load() && t != e.terms.Load() {
		t.goAway() // nobody else has them
	}
}

// forNew returns the terms for a new connection of HTTP/2. One that comes to be
// sent away soon has its own, as it is sent by itself.
func (e *Engine) forNew() *terms {
	t := e.terms.Load()
	if e.draining.Load() {
		return e.newTerms(t.Settings)
	}
	return t
}

// serveHTTP brings a request of HTTP/2 to the Handler. It is the start of a new
// goroutine each time, on a small stack, and what it keeps there is on it while
// the response is written: a few words more, and the runtime moves every request
// to a larger stack, a tenth of what the request costs.
func (e *Engine) serveHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	ctx := r.Context()
	g := ctx.Value(gathererKey{}).(*gatherer)
	g.begun.Add(1)
	g.watcher.begin(r, begun)
	defer g.watcher.end(r)
	if e.draining.Load() || g.terms.Load() != e.terms.Load() {
		g.announce()
	}
	if r.ContentLength != 0 {
		// Its error would be that the connection has ended, as a read will say.
		_ = http.NewResponseController(w).SetReadDeadline(begun.Add(e.terms.Load().Body))
	}
	body := &counted{r: r.Body}
	req := e.request2(r, body)
	resp := e.answer(ctx, req)
	t := e.terms.Load()
	sent := send2(ctx, w, &resp, named(t, req, resp.Status), r.Method == http.MethodHead)
	took := e.answered(r.Method, resp.Status, begun, body.n, sent)
	if e.logs(t) {
		e.access2(r, req, resp.Status, took, body.n, sent)
	}
}

//go:noinline
func (e *Engine) request2(r *http.Request, body io.Reader) *api.Request {
	return &api.Request{
		ID:            api.NewID(),
		Method:        r.Method,
		Path:          r.URL.Path,
		Authorization: field2(r, "Authorization"),
		IfMatch:       field2(r, "If-Match"),
		IfNoneMatch:   field2(r, "If-None-Match"),
		IfRange:       field2(r, "If-Range"),
		Range:         field2(r, "Range"),
		Body:          body,
		ContentLength: r.ContentLength,
		Peer:          r.Context().Value(gathererKey{}).(*gatherer).c.peer,
		Trusted:       e.options.Trusted,
	}
}

//go:noinline
func (e *Engine) access2(r *http.Request, req *api.Request, status int, took time.Duration, in, out int64) {
	remote := r.Context().Value(gathererKey{}).(*gatherer).RemoteAddr()
	e.access(req, exchange{r.Proto, remote, status, took, in, out})
}

// counted counts the bytes that are read of a body.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func field2(r *http.Request, name string) string {
	switch v := r.Header[name]; len(v) {
	case 0:
		return ""
	case 1:
		return v[0]
	default:
		return strings.Join(v, ", ")
	}
}

func send2(ctx context.Context, w http.ResponseWriter, resp *api.Response, id string, head bool) int64 {
	h := w.Header()
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noCache
	set("Content-Type", resp.ContentType)
	set("Etag", resp.ETag)
	set("Accept-Ranges", resp.AcceptRanges)
	set("Content-Range", resp.ContentRange)
	set("Allow", resp.Allow)
	set("Retry-After", resp.RetryAfter)
	set("Www-Authenticate", resp.WWWAuthenticate)
	set("X-Request-Id", id)
	bodyless := head || resp.Status == http.StatusNotModified
	if resp.Status != http.StatusNotModified {
		set("Content-Length", strconv.Itoa(len(resp.Body)))
	}
	if bodyless || len(resp.Body) == 0 {
		w.WriteHeader(resp.Status)
		return 0
	}
	ctx.Value(gathererKey{}).(*gatherer).expectBody()
	w.WriteHeader(resp.Status)
	n, _ := w.Write(resp.Body)
	return int64(n)
}

var (
	nosniff = []string{"nosniff"}
	noCache = []string{"no-cache"}
)
