package api

import (
	"context"
	"io"
	"net/http"
)

// firstBuffer is where the buffer of a body of unknown length starts, in bytes.
const firstBuffer = 64 << 10

// replace answers POST and PUT: the body is the new state, and "ok" says that
// it is on disk.
func (a *API) replace(ctx context.Context, r *Request) (Response, error) {
	data, reserved, err := a.readBody(r)
	defer a.uploads.release(reserved)
	if err != nil {
		return Response{}, err
	}
	v, err := a.store.Replace(ctx, condition(r), data)
	if err != nil {
		return Response{}, err
	}
	status := http.StatusOK
	if v.First() && r.Method == http.MethodPut {
		status = http.StatusCreated // RFC 9110, section 9.3.4
	}
	return Response{Status: status, ETag: v.ETag, ContentType: textType, Body: []byte("ok")}, nil
}

// readBody reads the whole body and says how many bytes of the budget it
// holds, on an error too.
func (a *API) readBody(r *Request) (data []byte, reserved int64, err error) {
	limit := a.settings.Load().State
	if r.ContentLength > limit {
		return nil, 0, &tooLargeError{limit}
	}
	if r.ContentLength >= 0 {
		return a.readSized(r.Body, r.ContentLength)
	}
	return a.readUnsized(r.Body, limit)
}

func (a *API) readSized(body io.Reader, size int64) ([]byte, int64, error) {
	if !a.uploads.reserve(size) {
		return nil, 0, errBusy
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, size, &bodyError{err}
	}
	return data, size, nil
}

// readUnsized doubles its buffer as the body comes in, so that a client holds
// no more than about twice what it has sent.
func (a *API) readUnsized(body io.Reader, limit int64) (data []byte, reserved int64, err error) {
	for {
		if len(data) == cap(data) {
			// One byte more than the limit tells a body that is too large.
			size := min(max(firstBuffer, 2*int64(cap(data))), limit+1)
			if !a.uploads.reserve(size) {
				return nil, reserved, errBusy
			}
			data = append(make([]byte, 0, size), data...)
			a.uploads.release(reserved)
			reserved = size
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if int64(len(data)) > limit {
			return nil, reserved, &tooLargeError{limit}
		}
		if err == io.EOF {
			return data, reserved, nil
		}
		if err != nil {
			return nil, reserved, &bodyError{err}
		}
	}
}
