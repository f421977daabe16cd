package httpserver

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"foobar/src/api"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// answer turns a panic into a 500, so that one request cannot end the service
// or go uncounted.
func (e *Engine) answer(ctx context.Context, r *api.Request) (resp api.Response) {
	e.options.Traffic.Start()
	defer func() {
		if p := recover(); p != nil {
			e.options.Log.Error(fmt.Sprintf("panic while answering: %v", p), logging.Panicked.Field(),
				zap.Stringer("request_id", r.ID), zap.ByteString("stack", debug.Stack()))
			resp = api.Response{Status: http.StatusInternalServerError, Close: true}
		}
	}()
	return e.options.Handler.Serve(ctx, r)
}

// answered counts a request whose response is out, and says how long it took;
// in and out are the sizes of the bodies, in bytes.
func (e *Engine) answered(method string, status int, begun time.Time, in, out int64) time.Duration {
	took := time.Since(begun)
	e.options.Traffic.Done(method, status, took, in, out)
	return took
}
