package web

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"foobar/src/api"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// access writes an entry of the access log: what was asked for and how it was
// answered, and of the header nothing that could be a secret. So the query is
// left out, too: it means nothing here, but some clients put tokens there.
func (e *Engine) access(t *terms, x exchange, took time.Duration) {
	if !t.AccessLog && !e.options.Log.Core().Enabled(zapcore.DebugLevel) {
		return
	}
	fields := []zap.Field{
		zap.Stringer("request_id", x.id),
		zap.Int("status", x.status),
		zap.Int64("request_bytes", x.in),
		zap.Int64("response_bytes", x.out),
		zap.Duration("duration", took),
	}
	asked := "unreadable request"
	if x.method != "" {
		path := (&url.URL{Path: x.path}).EscapedPath()
		asked = x.method + " " + path
		fields = append(fields, zap.String("method", x.method), zap.String("path", path), zap.String("protocol", x.protocol))
	}
	if remote := x.remote.String(); remote != "" && remote != "@" { // a nameless AF_UNIX socket
		fields = append(fields, zap.String("remote_address", remote))
	}
	e.options.Access.Info(fmt.Sprintf("%s: %d, %d bytes in %s", asked, x.status, x.out, took.Round(time.Microsecond)), fields...)
}

// named returns the request's ID if the answer is to have it: where there may
// be something to look up in the log. For reads that went well there is not, and
// they would be slower by a few hundredths: HPACK, which compresses what does
// not change, has to be told each ID anew.
func named(t *terms, r *api.Request, status int) string {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read && status < http.StatusBadRequest && !t.AccessLog {
		return ""
	}
	return r.ID.String()
}
