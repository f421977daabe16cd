package httpserver

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/api"

	"golang.org/x/net/http2/hpack"
)

// Sections are the header sections of responses as HPACK (RFC 7541) has them.
// They use no dynamic table, so that they suit every connection, none has to
// keep one, and the last one can be kept: most responses are of one version of
// the state.
type sections struct {
	last   atomic.Pointer[section2]
	goOn   []byte    // 100 Continue
	fields sync.Pool // of *encoder
}

// A section2 is a header section and what it was made from.
type section2 struct {
	of    sectionKey
	bytes []byte
}

type sectionKey struct {
	second       int64
	status       int
	length       int
	contentType  string
	etag         string
	acceptRanges string
	contentRange string
	allow        string
	retryAfter   string
	authenticate string
}

func (s *sections) init() {
	e := newEncoder()
	e.field(":status", strconv.Itoa(http.StatusContinue))
	s.goOn = e.out.Bytes()
	s.fields.New = func() any {
		e := newEncoder()
		e.field(":status", strconv.Itoa(http.StatusOK)) // the table is said to be empty
		return e
	}
}

// with returns section and one more field.
func (s *sections) with(section []byte, name, value string) []byte {
	e := s.fields.Get().(*encoder)
	defer s.fields.Put(e)
	e.out.Reset()
	e.field(name, value)
	return slices.Concat(section, e.out.Bytes())
}

// of returns the section of a response that is made now. It is shared.
func (s *sections) of(r *api.Response, now time.Time) []byte {
	key := sectionKey{now.Unix(), r.Status, len(r.Body), r.ContentType, r.ETag,
		r.AcceptRanges, r.ContentRange, r.Allow, r.RetryAfter, r.WWWAuthenticate}
	if last := s.last.Load(); last != nil && last.of == key {
		return last.bytes
	}
	made := &section2{key, key.encode(now)}
	s.last.Store(made)
	return made.bytes
}

func (k *sectionKey) encode(now time.Time) []byte {
	e := newEncoder()
	e.field(":status", strconv.Itoa(k.status))
	e.field("x-content-type-options", "nosniff")
	e.field("cache-control", "no-cache")
	e.field("content-type", k.contentType)
	e.field("etag", k.etag)
	e.field("accept-ranges", k.acceptRanges)
	e.field("content-range", k.contentRange)
	e.field("allow", k.allow)
	e.field("retry-after", k.retryAfter)
	e.field("www-authenticate", k.authenticate)
	if k.status != http.StatusNotModified {
		e.field("content-length", strconv.Itoa(k.length))
	}
	e.field("date", now.UTC().Format(http.TimeFormat))
	return e.out.Bytes()
}

type encoder struct {
	out   *bytes.Buffer
	hpack *hpack.Encoder
}

// newEncoder gives up the dynamic table, and its sections say so.
func newEncoder() *encoder {
	out := new(bytes.Buffer)
	e := &encoder{out, hpack.NewEncoder(out)}
	e.hpack.SetMaxDynamicTableSizeLimit(0)
	return e
}

func (e *encoder) field(name, value string) {
	if value != "" {
		_ = e.hpack.WriteField(hpack.HeaderField{Name: name, Value: value}) // a Buffer does not fail
	}
}
