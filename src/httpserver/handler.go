package httpserver

import (
	"cmp"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"foobar/src/connlimit"
	"foobar/src/engine"
	"foobar/src/request"
)

// ServeHTTP implements http.Handler. It adds to Options.Handler what package http1
// has: deadlines, request IDs, metrics, the access log, the limit of the body and the
// response to a panic.
func (n *netHTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, transport := n.server.observer, r.Context().Value(connKey{}).(*conn)
	x := &observedExchange{ResponseWriter: w, nethttp: n, id: request.NewID(), request: r, start: time.Now()}
	room := o.RequestStarted(transport.client)
	if quota := n.server.quotas.http2Requests; r.ProtoMajor > 1 {
		defer quota.Release()
		room = o.acquire(quota, transport) && room
		transport.requests.Add(1)
		transport.streams.Add(1)
		defer transport.streams.Add(-1)
	} else {
		transport.setPhase(connlimit.Active, x.start)
	}
	defer func() {
		o.RequestDone(engine.AccessRecord{
			ID: x.id, Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, Remote: transport.RemoteAddr(),
			Status:   cmp.Or(x.status, http.StatusInternalServerError), // 0 if the handler has aborted
			Duration: time.Since(x.start), RequestBytes: x.read, ResponseBytes: x.written,
		})
	}()
	defer x.recoverPanic()
	if !room {
		busy := request.Busy()
		if r.ProtoMajor > 1 {
			busy.Body = nil // a client that opens no window for it would keep the request
		}
		busy.Write(x, r.Method)
		return
	}
	x.setBody(r)
	n.server.options.Handler.ServeHTTP(x, r.WithContext(request.WithOrigin(r.Context(), transport.client, x.id)))
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if r.ProtoMajor > 1 && transport.requests.Load() > uncounted {
		// What fits into a buffer of net/http would wait for the client's window after
		// the request is done, and count for no limit.
		_ = http.NewResponseController(w).Flush()
	}
	x.discardBody()
}

// discardBody reads on what the handler has not read of the body, after the
// response: many clients read no response before they have sent their whole
// body, and net/http would close the connection. An HTTP/2 stream has no response
// before its handler returns; net/http resets it with NO_ERROR then.
func (x *observedExchange) discardBody() {
	if x.body == nil || x.bodyEnded || x.request.ProtoMajor > 1 || x.request.Header["Expect"] != nil {
		return
	}
	control := http.NewResponseController(x.ResponseWriter)
	_ = control.Flush()
	engine.Discard(x.body, x.nethttp.settings.Body, x.nethttp.server.settings.Load().MaxDiscard, control.SetReadDeadline)
}

// An observedExchange is one call of netHTTP.ServeHTTP, and the ResponseWriter
// for the handler in it.
type observedExchange struct {
	http.ResponseWriter
	nethttp       *netHTTP
	id            request.ID
	request       *http.Request
	body          io.ReadCloser
	bodyEnded     bool
	tooLarge      bool // the body
	start         time.Time
	status        int
	read, written int64
}

// recoverPanic turns a panic of the handler into a response with status 500. If
// the response has begun, the connection or the stream is aborted.
func (x *observedExchange) recoverPanic() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	x.nethttp.server.observer.HandlerPanicked(x.id, p)
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	clear(x.Header())
	resp := request.Response{Status: http.StatusInternalServerError, Close: true}
	resp.Write(x, x.request.Method)
}

// setBody replaces the body by one that counts its bytes and, in HTTP/1.1, sets the
// deadline for them. In HTTP/2, http.Server.ReadTimeout applies to each stream.
func (x *observedExchange) setBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	x.body = r.Body
	limit := cmp.Or(x.nethttp.server.settings.Load().MaxBody, math.MaxInt64)
	r.Body = requestBody{http.MaxBytesReader(nil, x.body, limit), x}
	if r.ProtoMajor == 1 {
		_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(x.start.Add(x.nethttp.settings.Body))
	}
}

// A requestBody is the Body of the request.
type requestBody struct {
	io.ReadCloser // limited
	*observedExchange
}

// Read implements io.Reader.
func (b requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.tooLarge = b.tooLarge || errors.As(err, new(*http.MaxBytesError))
	b.bodyEnded = b.bodyEnded || err != nil && !b.tooLarge
	if err == io.EOF && b.request.ProtoMajor == 1 {
		// net/http reads on, to notice when the client closes the connection.
		_ = http.NewResponseController(b.ResponseWriter).SetReadDeadline(time.Time{})
	}
	return n, err
}

// WriteHeader implements http.ResponseWriter.
func (x *observedExchange) WriteHeader(status int) {
	if x.status != 0 || status < http.StatusOK {
		x.ResponseWriter.WriteHeader(status)
		return
	}
	if x.tooLarge && status >= http.StatusBadRequest {
		status = http.StatusRequestEntityTooLarge
	}
	x.status = status
	if x.nethttp.server.observer.WantsRequestID(x.request.Method, status) {
		x.Header().Set("X-Request-Id", x.id.String())
	}
	if x.tooLarge || x.nethttp.mustReconnect(x.request) {
		x.Header().Set("Connection", "close")
	}
	if x.request.ProtoMajor == 1 {
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(x.nethttp.settings.Response))
	}
	if x.request.ProtoMajor > 1 && x.body != nil {
		x.body.Close() // the client could have a megabyte of it kept until it reads the response
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. In HTTP/2, net/http copies each write up to the
// frame size that the client allows, and keeps the largest copy for the connection.
func (x *observedExchange) Write(p []byte) (n int, err error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	for more := true; more && err == nil; more = n < len(p) {
		piece := p[n:]
		if x.request.ProtoMajor > 1 {
			piece = piece[:min(len(piece), maxFrame)]
		}
		var written int
		written, err = x.ResponseWriter.Write(piece)
		n += written
	}
	if x.request.Method != http.MethodHead { // net/http takes the body and sends none
		x.written += int64(n)
	}
	return n, err
}

// Unwrap returns the ResponseWriter of net/http, for http.ResponseController.
func (x *observedExchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
