package httpserver

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
)

// errUnfit says that a request is malformed in the sense of RFC 9113, section
// 8.1.1: it ends its stream, unanswered.
var errUnfit = errors.New("the request is not well-formed HTTP/2")

// take2 is take for HTTP/2. That the pseudo-header fields come first, are known
// and come once, and that names and values have the bytes they may have,
// package http2 has seen to.
func (r *reading) take2(f *http2.MetaHeadersFrame) error {
	if f.Truncated {
		return errTooLong
	}
	var scheme, path string
	r.req.ContentLength = chunked
	for i := range f.Fields {
		var err error
		switch name, value := f.Fields[i].Name, f.Fields[i].Value; name {
		case ":method":
			r.req.Method = value
		case ":path":
			path = value
		case ":scheme":
			scheme = value
		case ":authority":
			r.host = value
		default:
			err = r.field2(name, value)
		}
		if err != nil {
			return err
		}
	}
	if f.StreamEnded() {
		if r.req.ContentLength > 0 {
			return errUnfit
		}
		r.req.ContentLength = 0
	}
	return r.target2(scheme, path)
}

// target2 reads the pseudo-header fields, section 8.3.1.
func (r *reading) target2(scheme, path string) error {
	if !httpguts.ValidHostHeader(r.host) {
		return errUnfit
	}
	switch {
	case r.req.Method == http.MethodConnect:
		if scheme != "" || path != "" || r.host == "" {
			return errUnfit // section 8.5
		}
		return errMalformed // there is no tunnel
	case r.req.Method == "", scheme == "", path == "":
		return errUnfit
	case path[0] != '/' && (path != "*" || r.req.Method != http.MethodOptions):
		return errUnfit
	case r.host == "", !httpguts.ValidHeaderFieldName(r.req.Method), scheme != "https" && scheme != "http":
		return errMalformed
	}
	if path == "/" {
		r.req.Path = path
		return nil
	}
	return r.target([]byte(path))
}

// field2 reads what is no pseudo-header field. Those that are about a
// connection of HTTP/1.1 must not be there, section 8.2.2.
func (r *reading) field2(name, value string) error {
	if len(value) > 0 && (blank(value[0]) || blank(value[len(value)-1])) {
		// Section 8.2.1. Clients with an empty token send one such, and some try
		// again and again where the stream ends without an answer.
		return errMalformed
	}
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return errUnfit
	case "te":
		if value != "trailers" {
			return errUnfit
		}
	case "host":
		if r.host != "" && !strings.EqualFold(r.host, value) {
			return errUnfit // section 8.3.1
		}
		r.host = value
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || r.lengths > 0 {
			return errUnfit
		}
		r.lengths++
		r.req.ContentLength = int64(n)
	default:
		return common(r, name, value)
	}
	return nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
