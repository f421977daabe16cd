package http1

import (
	"bytes"
	"cmp"
	"net/http"
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
// that names and values have the bytes they may have, and that there is one Host
// at most.
type parsedRequest struct {
	req                      api.Request
	host                     []byte // as long as the header is not read again
	lengths, codings         int
	expect, close, keepAlive bool
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
	r.req.Protocol = intern(h.Protocol(), "HTTP/1.1", "HTTP/1.0")
	http10 := r.req.Protocol == "HTTP/1.0"
	if !http10 && r.req.Protocol != "HTTP/1.1" {
		return errVersion
	}
	if err := r.checkFraming(http10); err != nil {
		return err
	}
	r.req.NoLength = r.lengths+r.codings == 0
	if r.codings > 0 {
		r.req.ContentLength = chunked
	}
	r.close = r.close || http10 && !r.keepAlive
	r.keepAlive = http10 && !r.close
	r.expect = r.expect && !http10
	r.req.Method = intern(h.Method(), "GET", "HEAD", "POST", "PUT")
	return r.parseTarget(h.RequestURI())
}

func (r *parsedRequest) parseField(name, value []byte) error {
	switch string(name) {
	case "Host":
		r.host = value
		if !httpguts.ValidHostHeader(string(value)) || !api.ValidHost(string(value)) {
			return errHost
		}
	case "Content-Length":
		r.lengths++
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil {
			return errLength
		}
		r.req.ContentLength = int64(n)
	case "Transfer-Encoding":
		r.codings++
		if !bytes.EqualFold(value, []byte("chunked")) {
			return errCoding
		}
	case "Connection":
		options := []string{string(value)}
		r.close = r.close || httpguts.HeaderValuesContainsToken(options, "close")
		r.keepAlive = r.keepAlive || httpguts.HeaderValuesContainsToken(options, "keep-alive")
	case "Expect":
		if !bytes.EqualFold(value, []byte("100-continue")) {
			return errExpectation
		}
		r.expect = true
	default:
		if bytes.IndexByte(name, ' ') >= 0 {
			return errSyntax
		}
		if err := api.AddField(&r.req, string(name), value); err != nil {
			return &refusal{http.StatusBadRequest, reasonMalformed, err.Error()}
		}
	}
	return nil
}

func (r *parsedRequest) checkFraming(http10 bool) error {
	switch {
	case r.codings > 1:
		return errCoding
	case r.lengths+r.codings > 1, r.codings > 0 && http10:
		return errLength
	}
	return nil
}

// diagnose returns why the parser refuses a header section, as the parser does not
// say it without quoting the request.
func (r *parsedRequest) diagnose(section []byte) error {
	*r = parsedRequest{}
	line, fields, _ := bytes.Cut(section, []byte("\r\n"))
	for field := range bytes.SplitSeq(fields, []byte("\r\n")) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		if !httpguts.ValidHeaderFieldValue(string(value)) {
			return errSyntax
		}
		if err := r.parseField([]byte(http.CanonicalHeaderKey(string(name))), bytes.Trim(value, " \t")); err != nil {
			return err
		}
	}
	return cmp.Or(r.checkFraming(bytes.HasSuffix(line, []byte("HTTP/1.0"))), errSyntax)
}

// readAsHTTP11 makes HTTP/1.1 of each HTTP/1.x above it (RFC 9110, section 2.5), of
// which the parser knows less.
func readAsHTTP11(section []byte) {
	minor := bytes.Index(section, []byte("\r\n")) - 1
	if minor > 0 && '1' < section[minor] && section[minor] <= '9' && bytes.HasSuffix(section[:minor], []byte(" HTTP/1.")) {
		section[minor] = '1'
	}
}

// intern returns b as a string, without a copy where it is one of the common ones.
func intern(b []byte, common ...string) string {
	for _, s := range common {
		if string(b) == s {
			return s
		}
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
	invalid := func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }
	u, err := url.ParseRequestURI(string(b))
	if err != nil || bytes.ContainsFunc(b, invalid) || u.User != nil || u.Opaque != "" || b[0] != '/' && !r.hostIs(u) {
		return errTarget
	}
	r.req.Path = cmp.Or(u.Path, "/")
	return nil
}

// hostIs reports whether u has the host and the port of the field Host, either of
// them without the port where that is the default.
func (r *parsedRequest) hostIs(u *url.URL) bool {
	port, ok := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	host := url.URL{Host: string(r.host)}
	return ok && strings.EqualFold(u.Hostname(), host.Hostname()) && cmp.Or(u.Port(), port) == cmp.Or(host.Port(), port)
}
