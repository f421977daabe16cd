package httpserver

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"foobar/src/api"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// An exchange is how a request was answered that came over a connection.
type exchange struct {
	protocol string
	remote   net.Addr
	status   int
	took     time.Duration
	in, out  int64 // sizes of the bodies, in bytes
}

// logs says whether there is an access log. An exchange is made only then.
func (e *Engine) logs(t *terms) bool {
	return t.AccessLog || e.options.Log.Core().Enabled(zapcore.DebugLevel)
}

// access writes an entry of the access log: what was asked for and how it was
// answered, and of the header nothing that could be a secret. So the query is
// left out, too: it means nothing here, but some clients put tokens there.
//
// Only Method, Path and ID of the request are looked at; Method is empty where
// no request could be read.
func (e *Engine) access(r *api.Request, x exchange) {
	fields := []zap.Field{
		zap.Stringer("request_id", r.ID),
		zap.Int("status", x.status),
		zap.Int64("request_bytes", x.in),
		zap.Int64("response_bytes", x.out),
		zap.Duration("duration", x.took),
	}
	asked := "unreadable request"
	if r.Method != "" {
		path := (&url.URL{Path: r.Path}).EscapedPath()
		asked = r.Method + " " + path
		fields = append(fields, zap.String("method", r.Method), zap.String("path", path), zap.String("protocol", x.protocol))
	}
	if remote := x.remote.String(); remote != "" && remote != "@" { // a nameless AF_UNIX socket
		fields = append(fields, zap.String("remote_address", remote))
	}
	e.options.Access.Info(fmt.Sprintf("%s: %d, %d bytes in %s", asked, x.status, x.out, x.took.Round(time.Microsecond)), fields...)
}

// named returns the request's ID if the answer is to have it: where there may
// be something to look up in the log. For reads that went well there is not, and
// they would be slower by a few hundredths: what else is in their header section
// stays the same from one to the next (sections).
func named(t *terms, r *api.Request, status int) string {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read && status < http.StatusBadRequest && !t.AccessLog {
		return ""
	}
	return r.ID.String()
}
