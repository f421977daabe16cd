package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// A responseReader finds the end of a response with status 200 and a
// Content-Length, in pieces as they arrive.
type responseReader struct {
	header []byte // of a response whose header has not ended
	body   int    // bytes that are missing
}

var errPipelined = errors.New("the server sent more than one response")

// read takes the next piece and reports whether the response ends with it.
func (r *responseReader) read(piece []byte) (done bool, err error) {
	if r.body > 0 {
		return r.readBody(piece)
	}
	header := piece
	if len(r.header) > 0 {
		r.header = append(r.header, piece...)
		header = r.header
	}
	end := bytes.Index(header, []byte("\r\n\r\n"))
	if end < 0 {
		if len(r.header) == 0 {
			r.header = append(r.header, piece...)
		}
		return false, nil
	}
	if r.body, err = contentLength(header[:end]); err != nil {
		return false, err
	}
	done, err = r.readBody(header[end+len("\r\n\r\n"):])
	r.header = r.header[:0]
	return done, err
}

func (r *responseReader) readBody(piece []byte) (done bool, err error) {
	if len(piece) > r.body {
		return false, errPipelined
	}
	r.body -= len(piece)
	return r.body == 0, nil
}

// contentLength returns the length of the body of a response with status 200.
func contentLength(header []byte) (int, error) {
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		line, _, _ := bytes.Cut(header, []byte("\r\n"))
		return 0, fmt.Errorf("the response begins with %q, want status 200", line)
	}
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		const name = "content-length:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
		}
	}
	return 0, errors.New("the response has no Content-Length")
}
