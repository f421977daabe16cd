package http1

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"

	"foobar/src/api"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/http/httpguts"
)

// chunked is the length of a body whose chunks say where it ends.
const chunked = -1

// A parsedRequest is one request as it was understood. The parser has made sure
// that there is one Host, and that names and values have the bytes they may
// have.
type parsedRequest struct {
	req              api.Request
	host             []byte // as long as the header is not read again
	lengths, codings int
	expect, close    bool
}

// parse reads the header section h. It sees every field as it was sent, so that
// the length of the body is decided here, and in one way: a Content-Length, or
// chunks, or neither (RFC 9112, section 6.3, without the exceptions that it
// makes for old senders).
func (r *parsedRequest) parse(h *fasthttp.RequestHeader) error {
	*r = parsedRequest{}
	for name, value := range h.AllInOrder() {
		if err := r.parseField(name, value); err != nil {
			return err
		}
	}
	http11 := string(h.Protocol()) == "HTTP/1.1"
	r.req.Protocol = "HTTP/1.0"
	if http11 {
		r.req.Protocol = "HTTP/1.1"
	}
	switch {
	case !http11 && string(h.Protocol()) != "HTTP/1.0",
		r.lengths+r.codings > 1,
		r.codings > 0 && !http11:
		return errMalformed
	}
	r.req.NoLength = r.lengths+r.codings == 0
	if r.codings > 0 {
		r.req.ContentLength = chunked
	}
	r.close = r.close || !http11
	r.expect = r.expect && http11
	r.req.Method = methodName(h.Method())
	return r.parseTarget(h.RequestURI())
}

func (r *parsedRequest) parseField(name, value []byte) error {
	switch string(name) {
	case "Host":
		r.host = value
		if len(value) == 0 || !httpguts.ValidHostHeader(string(value)) {
			return errMalformed
		}
	case "Content-Length":
		r.lengths++
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			return errMalformed
		}
		r.req.ContentLength = int64(n)
	case "Transfer-Encoding":
		r.codings++
		if !bytes.EqualFold(value, []byte("chunked")) {
			return errMalformed
		}
	case "Connection":
		r.close = r.close || httpguts.HeaderValuesContainsToken([]string{string(value)}, "close")
	default:
		if bytes.IndexByte(name, ' ') >= 0 {
			return errMalformed
		}
		return r.parseCommon(string(name), value)
	}
	return nil
}

// parseCommon reads the fields that mean the same in every version of HTTP.
func (r *parsedRequest) parseCommon(name string, value []byte) error {
	switch name {
	case "Expect":
		if !bytes.EqualFold(value, []byte("100-continue")) {
			return errExpectation
		}
		r.expect = true
	case "Authorization":
		return setOnce(&r.req.Authorization, value)
	case "If-Match":
		r.req.IfMatch.Add(string(value))
	case "If-None-Match":
		r.req.IfNoneMatch.Add(string(value))
	case "Content-Encoding":
		r.req.ContentEncoding.Add(string(value))
	case "Content-Range":
		r.req.ContentRange.Add(string(value))
	case "If-Range":
		return setOnce(&r.req.IfRange, value)
	case "Range":
		return setOnce(&r.req.Range, value)
	}
	return nil
}

func setOnce(field *string, value []byte) error {
	if *field != "" {
		return errMalformed
	}
	*field = string(value)
	return nil
}

// methodName returns the method without a copy where it is a common one.
func methodName(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	}
	return string(b)
}

// parseTarget reads the request target, RFC 9112, section 3.2. An absolute form
// must name the host that Host names. There is no tunnel, so CONNECT's
// authority form is refused.
func (r *parsedRequest) parseTarget(b []byte) error {
	if len(b) == 1 && (b[0] == '/' || b[0] == '*') {
		r.req.Path = string(b) // one byte: the runtime has it already
		return nil
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return errMalformed
		}
	}
	u, err := url.ParseRequestURI(string(b))
	if err != nil || u.User != nil || u.Opaque != "" {
		return errMalformed
	}
	if b[0] != '/' && (u.Scheme != "https" && u.Scheme != "http" || !strings.EqualFold(u.Host, string(r.host))) {
		return errMalformed
	}
	r.req.Path = u.Path
	if r.req.Path == "" {
		r.req.Path = "/"
	}
	return nil
}
