package api

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// firstBuffer is the first size of the buffer for a body of unknown length, in
// bytes.
const firstBuffer = 64 << 10

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
	data, reserved, err := a.readBody(r)
	defer a.uploads.release(reserved)
	if err != nil {
		return Response{}, err
	}
	v, err := a.store.Replace(ctx, condition, data)
	if err != nil {
		return Response{}, err
	}
	status := http.StatusOK
	if v.First() && r.Method == http.MethodPut {
		status = http.StatusCreated // RFC 9110, section 9.3.4
	}
	return Response{Status: status, ETag: v.ETag, ContentType: textType, Body: []byte("ok")}, nil
}

// checkBody refuses a body that is not the new state, or of which nobody can say
// where it ends: the state would be replaced by something else, or by nothing.
func checkBody(r *Request) error {
	switch {
	case r.ContentRange.Present:
		return errPartialBody
	case r.ContentEncoding.Present && !strings.EqualFold(r.ContentEncoding.Value, "identity"):
		return errEncodedBody
	case r.NoLength && r.Protocol == "HTTP/1.0":
		return refusal(http.StatusBadRequest, errNoLength.message) // RFC 1945, section 8.3
	case r.NoLength:
		return errNoLength
	}
	return nil
}

// readBody reads the whole body. It returns how many bytes of the budget are
// reserved for it, with an error too.
func (a *API) readBody(r *Request) (data []byte, reserved int64, err error) {
	limit := a.settings.Load().State
	if r.ContentLength > limit {
		return nil, 0, bodyTooLarge(limit)
	}
	if r.ContentLength >= 0 {
		return a.readSized(r.Body, r.ContentLength)
	}
	return a.readUnsized(r.Body, limit)
}

func (a *API) readSized(body io.Reader, size int64) ([]byte, int64, error) {
	if !a.uploads.reserve(size) {
		return nil, 0, errUploadBudget
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, size, bodyIncomplete(err)
	}
	return data, size, nil
}

// readUnsized doubles its buffer as the body arrives, so that a client occupies
// about twice what it has sent at most.
func (a *API) readUnsized(body io.Reader, limit int64) (data []byte, reserved int64, err error) {
	for {
		if len(data) == cap(data) {
			// One byte more than the limit tells a body that is too large.
			size := min(max(firstBuffer, 2*int64(cap(data))), limit+1)
			if !a.uploads.reserve(size) {
				return nil, reserved, errUploadBudget
			}
			data = append(make([]byte, 0, size), data...)
			a.uploads.release(reserved)
			reserved = size
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if int64(len(data)) > limit {
			return nil, reserved, bodyTooLarge(limit)
		}
		if err == io.EOF {
			return data, reserved, nil
		}
		if err != nil {
			return nil, reserved, bodyIncomplete(err)
		}
	}
}
