package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"foobar/src/state"
)

// rawType is the type of the state: bytes that no browser runs or shows as a
// page.
const rawType = "application/octet-stream"

// maxCopied is the largest body, in bytes, that may be in memory for each request
// in progress. A range of this size is copied, as a part of the state would keep
// all of it in memory for as long as its client reads.
const maxCopied = 16 << 10

// get answers GET and HEAD with the state. The conditions are evaluated in the
// order of RFC 9110, section 13.2.2.
func (a *API) get(ctx context.Context, r *Request) (Response, error) {
	v, err := a.store.Read(ctx)
	if err != nil {
		return Response{}, err
	}
	if !ifMatch(etags(r.IfMatch), v) {
		return Response{}, state.ErrPrecondition
	}
	if v == nil {
		return Response{}, errNoState
	}
	resp := Response{Status: http.StatusOK, ETag: v.ETag, AcceptRanges: "bytes", ContentType: rawType, Body: v.Data}
	if !ifNoneMatch(etags(r.IfNoneMatch), v) {
		return Response{Status: http.StatusNotModified, ETag: v.ETag, AcceptRanges: "bytes"}, nil
	}
	// Some clients send Range always: an empty state is sent as it is.
	if len(v.Data) == 0 || r.Method != http.MethodGet {
		return resp, nil
	}
	if r.Range.Present && (!r.IfRange.Present || r.IfRange.Value == v.ETag) {
		if resp, err = partial(resp, r.Range.Value); err != nil {
			return Response{}, err
		}
	}
	return a.countRead(resp, v, r)
}

// countRead makes sure that slow clients do not keep many versions in memory.
func (a *API) countRead(resp Response, v *state.Version, r *Request) (Response, error) {
	switch {
	case len(resp.Body) > maxCopied:
		if !a.reads.acquire(v, r, int64(cap(v.Data))) {
			return Response{}, errReadBudget
		}
		resp.Done = func() { a.reads.release(v, r) }
	case len(resp.Body) < len(v.Data):
		resp.Body = bytes.Clone(resp.Body)
	}
	return resp, nil
}

// partial reduces resp to the range of a Range field. Everything but a single
// well-formed range of bytes is ignored, as RFC 9110, section 14.2, allows.
func partial(resp Response, header string) (Response, error) {
	size := int64(len(resp.Body))
	first, last, ok := parseRange(header, size)
	if !ok {
		return resp, nil
	}
	if first > last {
		return Response{}, rangeOutside(size)
	}
	resp.Status = http.StatusPartialContent
	resp.ContentRange = fmt.Sprintf("bytes %d-%d/%d", first, last, size)
	resp.Body = resp.Body[first : last+1]
	return resp, nil
}
