package web

import (
	"context"
	"fmt"
	"net"
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
	e.options.Traffic.Begin()
	defer func() {
		if p := recover(); p != nil {
			e.options.Log.Error(fmt.Sprintf("panic while answering: %v", p), logging.Panicked.Field(),
				zap.Stringer("request_id", r.ID), zap.ByteString("stack", debug.Stack()))
			resp = api.Response{Status: http.StatusInternalServerError, Close: true}
		}
	}()
	return e.options.Handler.Serve(ctx, r)
}

// An exchange is a request and how it was answered.
type exchange struct {
	id           api.ID
	method, path string
	protocol     string
	remote       net.Addr
	status       int
	begun        time.Time
	in, out      int64 // sizes of the bodies, in bytes
}

// answered counts a request whose response is out, and logs it if that is
// asked for.
func (e *Engine) answered(t *terms, x exchange) {
	took := time.Since(x.begun)
	e.options.Traffic.End(x.method, x.status, took, x.in, x.out)
	e.access(t, x, took)
}
