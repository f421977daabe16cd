package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync/atomic"
	"time"

	"foobar/src/connlimit"
	"foobar/src/engine"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/request"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The reasons of refusals as labels of metrics. Package http1 has more.
const (
	reasonHandshake = "handshake" // TLS could not be agreed on, or not in time
	reasonProtocol  = "malformed" // a mistake in HTTP/2, as package http1 counts those in HTTP/1.1

	reasonRequestLimit = "requests" // limits.requests are in progress
	reasonEvicted      = "evicted"  // closed to make room for a new connection
	reasonVersions     = "versions" // closed to make room for another version of the state
)

var (
	errRequestLimit    = errors.New("limits.requests are in progress")
	errConnectionLimit = errors.New("limits.connections or limits.per_address are open")
	errEvicted         = errors.New("the connection is closed to make room for another")
)

// An observer keeps the metrics and the log of one listener. It implements
// engine.Observer.
type observer struct {
	requests    *connlimit.Quota
	metrics     *metrics.ListenerMetrics
	log, access *zap.Logger // access may be nil
	settings    *atomic.Pointer[Settings]
	nextWarning atomic.Int64 // when warnCrowded may log again, in Unix seconds
}

// RequestStarted implements engine.Observer.
func (o *observer) RequestStarted(c request.Client) bool {
	o.metrics.Start()
	return o.acquire(o.requests, c.Conn.(*conn))
}

// acquire counts a request in a quota, and reports whether it is to be served.
func (o *observer) acquire(q *connlimit.Quota, c *conn) bool {
	evicted := q.Acquire(c)
	if evicted == connlimit.Conn(c) {
		o.refused(reasonRequestLimit, errRequestLimit, nil)
		return false
	}
	o.evict(evicted)
	return true
}

// evict closes a connection that makes room for another; nil is none.
func (o *observer) evict(c connlimit.Conn) {
	if c != nil {
		c.(*conn).makeRoom(reasonEvicted)
	}
}

// RequestDone implements engine.Observer.
func (o *observer) RequestDone(r engine.AccessRecord) {
	o.requests.Release()
	o.metrics.Done(r.Method, r.Status, r.Duration, r.RequestBytes, r.ResponseBytes)
	o.logAccess(r)
}

// RequestRefused implements engine.Observer.
func (o *observer) RequestRefused(reason string, cause error, r engine.AccessRecord) {
	o.refused(reason, cause, r.Remote, zap.Stringer("request_id", r.ID))
	if r.Status != 0 {
		o.logAccess(r)
	}
}

// refused counts a connection or a request that is refused, and logs why at level
// debug: clients can cause any number of entries. The remote address may be nil.
func (o *observer) refused(reason string, cause error, remote net.Addr, fields ...zap.Field) {
	o.metrics.Refused(reason)
	if cause == errRequestLimit || cause == errConnectionLimit || cause == errEvicted {
		o.warnCrowded(reason, time.Now().Unix())
	}
	if o.log.Core().Enabled(zap.DebugLevel) {
		fields = append(fields, zap.String("reason", reason), zap.String("error", logging.Shorten(cause.Error(), maxLogged)), remoteAddress(remote))
		o.log.Debug("refused", fields...)
	}
}

// warnInterval is how many seconds are between two warnings at least, as clients
// can cause any number of them.
const warnInterval = 60

// warnCrowded logs that clients hold all that the limits allow.
func (o *observer) warnCrowded(reason string, now int64) {
	if next := o.nextWarning.Load(); now >= next && o.nextWarning.CompareAndSwap(next, now+warnInterval) {
		o.log.Warn("clients hold all that the limits allow: connections or requests are refused, or closed to make room", logging.CrowdedOut.Field(), zap.String("reason", reason))
	}
}

// HandlerPanicked implements engine.Observer.
func (o *observer) HandlerPanicked(id request.ID, value any) {
	o.panicked(value, debug.Stack(), zap.Stringer("request_id", id))
}

// connPanicked is called on the stack of a panic that has ended a connection.
func (o *observer) connPanicked(value any) { o.panicked(value, debug.Stack()) }

func (o *observer) panicked(value any, stack []byte, fields ...zap.Field) {
	o.metrics.Panicked()
	o.log.Error(fmt.Sprintf("panic: %v", value), append(fields, logging.Panicked.Field(), zap.String("stack", string(stack)))...)
}

// WantsRequestID implements engine.Observer. Responses have an ID if the log may
// have an entry with it. Successful reads do not: the ID would make them slower by
// a few hundredths.
func (o *observer) WantsRequestID(method string, status int) bool {
	read := method == http.MethodGet || method == http.MethodHead
	return o.access != nil && (!read || status >= http.StatusBadRequest || o.settings.Load().AccessLog)
}

// logAccess writes an entry of the access log, where that is enabled. The entry has
// nothing of the header that could be a secret, and no query: some clients put tokens
// there.
func (o *observer) logAccess(r engine.AccessRecord) {
	if o.access == nil || !o.settings.Load().AccessLog && !o.log.Core().Enabled(zapcore.DebugLevel) {
		return
	}
	fields := []zap.Field{
		zap.Stringer("request_id", r.ID),
		zap.Int("status", r.Status),
		zap.Int64("request_bytes", r.RequestBytes),
		zap.Int64("response_bytes", r.ResponseBytes),
		zap.Duration("duration", r.Duration),
		remoteAddress(r.Remote),
	}
	request := "unreadable request"
	if r.Method != "" {
		method, path := logging.Shorten(r.Method, maxLogged), (&url.URL{Path: logging.Shorten(r.Path, maxLogged)}).EscapedPath()
		request = method + " " + path
		fields = append(fields, zap.String("method", method), zap.String("path", path), zap.String("protocol", r.Protocol))
	}
	o.access.Info(fmt.Sprintf("%s: %d, %d bytes in %s", request, r.Status, r.ResponseBytes, r.Duration.Round(time.Microsecond)), fields...)
}

// remoteAddress returns the field for a client's address. Clients of the admin
// socket have none.
func remoteAddress(a net.Addr) zap.Field {
	if a == nil || a.Network() == "unix" {
		return zap.Skip()
	}
	return zap.Stringer("remote_address", a)
}

// maxLogged is how many bytes of a value that a client has chosen are logged: a
// request must not make many times its size of log.
const maxLogged = 256

// A netHTTPLog receives the entries of net/http, one for each Write. They are about
// errors that every client can cause, and have level debug, but for panics.
type netHTTPLog struct{ *observer }

// Write implements io.Writer.
func (l netHTTPLog) Write(line []byte) (int, error) {
	if first, stack, ok := bytes.Cut(line, []byte("\n")); ok && bytes.Contains(first, []byte(": panic serving ")) {
		l.panicked(string(first), stack)
		return len(line), nil
	}
	l.log.Debug(string(bytes.TrimSpace(line)))
	return len(line), nil
}
