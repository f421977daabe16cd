package web

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"foobar/src/api"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// answer turns a panic into a 500, so that one request cannot end the service
// or go uncounted.
func (e *Engine) answer(ctx context.Context, r *api.Request) (resp api.Response) {
	e.options.Traffic.Begin()
	defer func() {
		if p := recover(); p != nil {
			e.options.Log.Error("panic while answering", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			resp = api.Response{Status: http.StatusInternalServerError, Close: true}
		}
	}()
	return e.options.Handler.Serve(ctx, r)
}

// answered counts a request whose response is out; in and out are the sizes of
// the bodies, in bytes.
func (e *Engine) answered(method string, status int, begun time.Time, in, out int64) {
	took := time.Since(begun)
	e.options.Traffic.End(method, status, took, in, out)
	if entry := e.options.Log.Check(zapcore.DebugLevel, "request"); entry != nil {
		entry.Write(zap.String("method", method), zap.Int("status", status), zap.Duration("duration", took))
	}
}
