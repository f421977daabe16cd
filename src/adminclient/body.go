package adminclient

import (
	"bufio"
	"errors"
	"io"
)

var (
	errGrew   = errors.New("the file grew while it was read, so nothing was stored: use a copy of the file")
	errShrank = errors.New("the file shrank while it was read, so nothing was stored: use a copy of the file")
)

// A sizedBody reads a body whose size has been announced. It returns an error in
// the place of the last byte where the body is of another size, so that the
// service never gets a complete request with a part of the body.
type sizedBody struct {
	r    *bufio.Reader
	left int64 // bytes
}

func newSizedBody(r io.Reader, size int64) *sizedBody {
	return &sizedBody{bufio.NewReaderSize(r, sendBuffer), size}
}

// Read implements io.Reader.
func (b *sizedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left > 0 {
		if errors.Is(err, io.EOF) {
			return n, errShrank
		}
		return n, err
	}
	if _, next := b.r.Peek(1); next == nil || b.left < 0 {
		return 0, errGrew
	}
	return n, err
}
