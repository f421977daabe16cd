package httpserver

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"foobar/src/engine"
	"foobar/src/logging"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

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
