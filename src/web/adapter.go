package web

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"foobar/src/api"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// Adapter lets net/http serve an api.API, and counts what it serves.
type Adapter struct {
	API     *api.API
	Metrics *metrics.Metrics
	Log     *zap.Logger
	// Listener is the name in the metrics.
	Listener string
	// Trusted is for listeners that only let in whom the kernel lets in.
	Trusted bool
}

// ServeHTTP implements http.Handler.
func (a *Adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	end := a.Metrics.Begin(a.Listener)
	defer end()
	body := &counted{ReadCloser: r.Body}
	resp := a.answer(r, body)
	sent := write(w, r.Method, resp)
	a.Metrics.Answered(metrics.Request{
		Listener: a.Listener, Method: r.Method, Status: resp.Status, Duration: time.Since(start),
		RequestSize: body.n, ResponseSize: sent,
	})
	a.Log.Debug("request", zap.String("listener", a.Listener), zap.String("method", r.Method), zap.String("path", r.URL.Path),
		zap.Int("status", resp.Status), zap.Duration("duration", time.Since(start)))
}

// answer turns a panic into a 500, so that one request cannot end the service
// or go uncounted.
func (a *Adapter) answer(r *http.Request, body *counted) (resp api.Response) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("panic while answering", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			resp = api.Response{Status: http.StatusInternalServerError, Close: true}
		}
	}()
	return a.API.Serve(r.Context(), &api.Request{
		Method:        r.Method,
		Path:          r.URL.Path,
		Authorization: r.Header.Get("Authorization"),
		IfMatch:       list(r.Header, "If-Match"),
		IfNoneMatch:   list(r.Header, "If-None-Match"),
		IfRange:       r.Header.Get("If-Range"),
		Range:         r.Header.Get("Range"),
		Body:          body,
		ContentLength: r.ContentLength,
		Trusted:       a.Trusted,
	})
}

// list joins the lines of a header field that is a list.
func list(h http.Header, name string) string {
	lines := h[name]
	if len(lines) == 1 {
		return lines[0]
	}
	joined := ""
	for i, line := range lines {
		if i > 0 {
			joined += ", "
		}
		joined += line
	}
	return joined
}

// write sends resp and returns how many bytes of body went out.
func write(w http.ResponseWriter, method string, resp api.Response) int64 {
	h := w.Header()
	for _, field := range []struct{ name, value string }{
		{"Content-Type", resp.ContentType},
		{"Etag", resp.ETag},
		{"Accept-Ranges", resp.AcceptRanges},
		{"Content-Range", resp.ContentRange},
		{"Allow", resp.Allow},
		{"Retry-After", resp.RetryAfter},
		{"Www-Authenticate", resp.WWWAuthenticate},
	} {
		if field.value != "" {
			h[field.name] = []string{field.value}
		}
	}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	// A cache may keep the state, and must ask each time whether it is current.
	h["Cache-Control"] = []string{"no-cache"}
	if resp.Close {
		h["Connection"] = []string{"close"}
	}
	if resp.Status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(resp.Body))}
	}
	w.WriteHeader(resp.Status)
	if method == http.MethodHead {
		return 0
	}
	n, _ := w.Write(resp.Body) // the client is gone: nothing to tell it
	return int64(n)
}

// counted counts the bytes that are read of a body.
type counted struct {
	ReadCloser interface{ Read([]byte) (int, error) }
	n          int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}
