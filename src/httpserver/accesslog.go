package httpserver

import (
	"fmt"
	"net/url"
	"time"

	"foobar/src/http1"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func (o *observer) accessLogEnabled() bool {
	return o.access != nil && (o.settings.Load().AccessLog || o.log.Core().Enabled(zapcore.DebugLevel))
}

// logAccess writes an entry of the access log. It has nothing of the header that
// could be a secret, and no query: some clients put tokens there.
func (o *observer) logAccess(r http1.AccessRecord) {
	fields := []zap.Field{
		zap.Stringer("request_id", r.ID),
		zap.Int("status", r.Status),
		zap.Int64("request_bytes", r.RequestBytes),
		zap.Int64("response_bytes", r.ResponseBytes),
		zap.Duration("duration", r.Duration),
	}
	request := "unreadable request"
	if r.Method != "" {
		method, path := truncated(r.Method), (&url.URL{Path: truncated(r.Path)}).EscapedPath()
		request = method + " " + path
		fields = append(fields, zap.String("method", method), zap.String("path", path), zap.String("protocol", r.Protocol))
	}
	if remote := r.Remote.String(); remote != "" && remote != "@" { // an AF_UNIX socket without a name
		fields = append(fields, zap.String("remote_address", remote))
	}
	o.access.Info(fmt.Sprintf("%s: %d, %d bytes in %s", request, r.Status, r.ResponseBytes, r.Duration.Round(time.Microsecond)), fields...)
}

// maxLogged is how many bytes of a value that a client has chosen are logged: a
// request must not make many times its size of log.
const maxLogged = 256

// truncated returns at most maxLogged bytes of s, and a mark if there were more.
func truncated(s string) string {
	if len(s) <= maxLogged {
		return s
	}
	return s[:maxLogged] + "..."
}
