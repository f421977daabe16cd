package httpserver

import (
	"net/http"

	"foobar/src/api"

	"github.com/valyala/fasthttp"
)

// begin starts a header section with what every response says.
func (w *workspace) begin(status int, last bool) *fasthttp.ResponseHeader {
	h := &w.answer
	h.Reset()
	h.SetNoDefaultContentType(true)
	h.SetStatusCode(status)
	h.SetCanonical(nameOptions, valueNosniff)
	h.SetCanonical(nameCacheControl, valueNoCache)
	if last {
		h.SetConnectionClose()
	}
	return h
}

// The names are as the parser writes them.
var (
	nameOptions      = []byte("X-Content-Type-Options")
	valueNosniff     = []byte("nosniff")
	nameCacheControl = []byte("Cache-Control")
	valueNoCache     = []byte("no-cache") // a cache may keep the state, and must ask each time
	nameETag         = []byte("Etag")
	nameAcceptRanges = []byte("Accept-Ranges")
	nameContentRange = []byte("Content-Range")
	nameAllow        = []byte("Allow")
	nameRetryAfter   = []byte("Retry-After")
	nameAuthenticate = []byte("Www-Authenticate")
	nameRequestID    = []byte("X-Request-Id")
)

// record is the largest that TLS sends at a time, in bytes.
const record = 16 << 10

// send writes a response. Small ones leave in one record and one system call;
// of large ones, the first record takes the header section with it, and the
// rest goes out without being copied.
func (w *workspace) send(c *conn, resp *api.Response, id string, head, last bool) (sent int64, err error) {
	h := w.begin(resp.Status, last)
	for _, f := range [...]struct {
		name  []byte
		value string
	}{
		{nameETag, resp.ETag},
		{nameAcceptRanges, resp.AcceptRanges},
		{nameContentRange, resp.ContentRange},
		{nameAllow, resp.Allow},
		{nameRetryAfter, resp.RetryAfter},
		{nameAuthenticate, resp.WWWAuthenticate},
	} {
		if f.value != "" {
			w.value = append(w.value[:0], f.value...)
			h.SetCanonical(f.name, w.value)
		}
	}
	if id != "" {
		w.value = append(w.value[:0], id...)
		h.SetCanonical(nameRequestID, w.value)
	}
	if resp.ContentType != "" {
		h.SetContentType(resp.ContentType)
	}
	h.SetContentLength(len(resp.Body))
	w.out = append(w.out[:0], h.Header()...)
	body := resp.Body
	if head || resp.Status == http.StatusNotModified {
		body = nil
	}
	n := min(len(body), max(0, record-len(w.out)))
	w.out = append(w.out, body[:n]...)
	if n == len(body) {
		_, err = c.Write(w.out)
	} else {
		err = c.writeBoth(w.out, body[n:])
	}
	if err != nil {
		c.abort() // TLS would wait to say good-bye
		return 0, err
	}
	return int64(len(body)), nil
}

func (c *conn) writeBoth(first, rest []byte) error {
	write := func() error {
		if _, err := c.Write(first); err != nil {
			return err
		}
		_, err := c.Write(rest)
		return err
	}
	if c.below == nil {
		return write()
	}
	return c.below.gather(c.bundles, write)
}
