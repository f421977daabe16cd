package api

import (
	"context"
	"io"
	"net/http"
	"strings"

	"foobar/src/request"
)

// firstBuffer is the first size of the buffer for a body, in bytes. Every request
// may have that much.
const firstBuffer = 4 << 10

// replace answers POST and PUT: the body is the new state. The response is sent
// when the state is on disk.
func (a *API) replace(ctx context.Context, r *Request) (Response, error) {
	condition, err := condition(r)
	if err != nil {
		return Response{}, err
	}
	if err := checkBody(r); err != nil {
		return Response{}, err
	}
	defer a.uploads.release(r, r)
	data, err := a.readBody(r)
	if !a.uploads.keep(r) {
		return Response{}, errUploadBudget
	}
	if err != nil {
		return Response{}, err
	}
	v, err := a.store.Replace(ctx, condition, data)
	if err != nil {
		return Response{}, err
	}
	status := http.StatusOK
	if v.First && r.Method == http.MethodPut {
		status = http.StatusCreated // RFC 9110, section 9.3.4
	}
	return Response{Status: status, ETag: v.ETag, ContentType: request.TextType, Body: []byte("ok")}, nil
}

// checkBody refuses a body that is not the whole new state as it is to be stored, or whose
// length is unknown: the state would be replaced by something else, or by nothing.
func checkBody(r *Request) error {
	switch {
	case r.ContentRange.Present:
		return errPartialBody
	case r.ContentEncoding.Present && !strings.EqualFold(r.ContentEncoding.Value, "identity"):
		return errEncodedBody
	case r.NoLength && r.Protocol == "HTTP/1.0":
		return request.Refuse(http.StatusBadRequest, errNoLength.Message) // RFC 1945, section 8.3
	case r.NoLength:
		return errNoLength
	}
	return nil
}

// readBody reads the whole body, into a buffer that doubles as the body arrives: a
// client occupies at most twice what it has sent, whatever length it announces.
func (a *API) readBody(r *Request) ([]byte, error) {
	limit := a.settings.Load().State
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	size := r.ContentLength
	if size < 0 {
		size = limit + 1 // one byte more shows that a body is too large
	}
	var data []byte
	for int64(len(data)) < size {
		var err error
		if data, err = a.growBuffer(r, data, size); err != nil {
			return nil, err
		}
		n, err := r.Body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF && r.ContentLength < 0:
			return data, nil
		case err != nil && int64(len(data)) < size:
			return nil, bodyIncomplete(err)
		}
	}
	if int64(len(data)) > limit {
		return nil, bodyTooLarge(limit)
	}
	return data, nil
}

// growBuffer returns data with room for more of a body of size bytes at most.
func (a *API) growBuffer(r *Request, data []byte, size int64) ([]byte, error) {
	if len(data) < cap(data) {
		return data, nil
	}
	size = min(max(firstBuffer, 2*int64(cap(data))), size)
	// The byte that tells a body that is too large is not counted: limits.uploads
	// may be as small as limits.state.
	if size > firstBuffer && !a.uploads.acquire(r, r, size-1) {
		return nil, errUploadBudget
	}
	return append(make([]byte, 0, size), data...), nil
}
