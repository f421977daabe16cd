package httpserver

import (
	"bytes"
	"fmt"
	"log"
	"net/http"
	"runtime/debug"
	"sync/atomic"

	"foobar/src/api"
	"foobar/src/http1"
	"foobar/src/logging"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// The reasons of refusals as labels of metrics, beside those of package http1.
const (
	reasonHandshake = "handshake" // TLS could not be agreed on, or not in time
	reasonProtocol  = "malformed" // a mistake in HTTP/2, as package http1 counts those in HTTP/1.1
)

// An observer keeps the metrics and the log of one listener. It implements
// http1.Observer.
type observer struct {
	metrics     *metrics.ListenerMetrics // may be nil
	log, access *zap.Logger              // access may be nil
	settings    *atomic.Pointer[Settings]
}

// RequestStarted implements http1.Observer.
func (o *observer) RequestStarted() {
	if o.metrics != nil {
		o.metrics.Start()
	}
}

// RequestDone implements http1.Observer.
func (o *observer) RequestDone(r http1.AccessRecord) {
	if o.metrics != nil {
		o.metrics.Done(r.Method, r.Status, r.Duration, r.RequestBytes, r.ResponseBytes)
	}
	if o.accessLogEnabled() {
		o.logAccess(r)
	}
}

// RequestRefused implements http1.Observer.
func (o *observer) RequestRefused(reason string, r http1.AccessRecord) {
	o.refused(reason)
	if r.Status != 0 && o.accessLogEnabled() {
		o.logAccess(r)
	}
}

func (o *observer) refused(reason string) {
	if o.metrics != nil {
		o.metrics.Refused(reason)
	}
}

// HandlerPanicked implements http1.Observer.
func (o *observer) HandlerPanicked(id api.ID, value any) {
	o.panicked(value, debug.Stack(), zap.Stringer("request_id", id))
}

// connPanicked is called on the stack of a panic that has ended a connection.
func (o *observer) connPanicked(value any) { o.panicked(value, debug.Stack()) }

func (o *observer) panicked(value any, stack []byte, fields ...zap.Field) {
	if o.metrics != nil {
		o.metrics.Panicked()
	}
	o.log.Error(fmt.Sprintf("panic: %v", value), append(fields, logging.Panicked.Field(), zap.String("stack", string(stack)))...)
}

// WantsRequestID implements http1.Observer: where there may be something to
// look up in the log. For reads that went well there is not, and they would be
// slower by a few hundredths.
func (o *observer) WantsRequestID(method string, status int) bool {
	if o.access == nil {
		return false
	}
	read := method == http.MethodGet || method == http.MethodHead
	return !read || status >= http.StatusBadRequest || o.settings.Load().AccessLog
}

// errorLog takes what net/http says. Most of it is about clients' mistakes,
// which any client can make at will, so that it is for debugging. Panics are not.
func (o *observer) errorLog() *log.Logger { return log.New(netHTTPLog{o}, "", 0) }

// A netHTTPLog is what net/http writes its log to.
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
