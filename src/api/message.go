package api

import (
	"context"
	"io"

	"foobar/src/request"
)

// A Service answers requests without net/http's types. *API is one.
type Service interface {
	Serve(context.Context, *Request) Response
}

// A Field is a header field. An absent one differs from an empty one.
type Field struct {
	Present bool
	Value   string
}

// set sets a field that has one line. A second one is ambiguous.
func (f *Field) set(line string) error {
	if f.Present {
		return errRepeatedField
	}
	*f = Field{Present: true, Value: line}
	return nil
}

// AddField adds a line of the header. Fields that the API does not use are
// ignored.
func AddField[T string | []byte](r *Request, name string, value T) error {
	switch name {
	case "Authorization":
		return r.Authorization.set(string(value))
	case "If-Range":
		return r.IfRange.set(string(value))
	case "Range":
		return r.Range.set(string(value))
	case "If-Match":
		return r.addLine(&r.IfMatch, string(value))
	case "If-None-Match":
		return r.addLine(&r.IfNoneMatch, string(value))
	case "Content-Encoding":
		return r.addLine(&r.ContentEncoding, string(value))
	case "Content-Range":
		return r.addLine(&r.ContentRange, string(value))
	}
	return nil
}

// maxLines is how many lines the lists of a request may have together. Each line
// copies those before it.
const maxLines = 100

// addLine adds a line to a list, RFC 9110, section 5.3.
func (r *Request) addLine(list *Field, line string) error {
	if r.lines++; r.lines > maxLines {
		return errLines
	}
	if list.Present {
		line = list.Value + ", " + line
	}
	*list = Field{Present: true, Value: line}
	return nil
}

// A Request is what the API needs of an HTTP request.
type Request struct {
	ID                            request.ID
	Method, Path                  string
	Protocol                      string // such as "HTTP/1.1"
	Authorization                 Field
	Range, IfRange                Field
	IfMatch, IfNoneMatch          Field
	ContentEncoding, ContentRange Field
	lines                         int // of lists
	// NoLength is set if the request has neither Content-Length nor chunks nor DATA
	// frames, and so may have no body at all.
	NoLength bool
	// Body is read once, and not at all where the request is refused without.
	Body io.Reader
	// Interrupt, if not nil, is called by another goroutine to end the reading of Body,
	// with an error, so that other uploads have room. The response can still be sent.
	Interrupt func()
	// ContentLength is in bytes, -1 where it is unknown.
	ContentLength int64
	request.Client
}

func (r *Request) interruptBody() {
	if r.Interrupt != nil {
		r.Interrupt()
	}
}

func (r *Request) closeConn() {
	if r.Conn != nil {
		r.Conn.CutOff()
	}
}

// A Response is the answer to a Request.
type Response = request.Response
