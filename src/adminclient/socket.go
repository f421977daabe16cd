package adminclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// DefaultSocket is where foobar-admin.socket listens.
const DefaultSocket = "/run/foobar-admin.sock"

// A Socket is the path of an admin socket.
//
// Its methods have no time limit of their own. The service's timeouts end a
// request, its watchdog ends a service that hangs, and connections wait in the
// socket's backlog while the service restarts.
type Socket string

// Get writes the state to w as it arrives.
func (s Socket) Get(w io.Writer) error {
	resp, err := s.do(http.MethodGet, nil, 0, "")
	if err != nil {
		return err
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

// ETag returns the entity tag of the state, quotation marks included (RFC 9110,
// section 8.8.3).
func (s Socket) ETag() (string, error) {
	resp, err := s.do(http.MethodHead, nil, 0, "")
	if err != nil {
		return "", err
	}
	return escapeTerminal(resp.Header.Get("ETag")), nil
}

// Put replaces the state by what is left to read of f. A file that changes its
// size meanwhile is an error, and replaces nothing; nothing left is an error
// unless allowEmpty is set. Where ifMatch is not empty, it is the entity tag that
// the state must have, or "*" for any; the error of another is ErrPrecondition.
func (s Socket) Put(f *os.File, ifMatch string, allowEmpty bool) error {
	size, err := remainingSize(f)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return s.put(f, size, ifMatch, allowEmpty)
}

// remainingSize returns how many bytes of f are left to read, -1 where that is
// not known. The service refuses at once what is known to be too large.
func remainingSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1, err
	}
	offset, err := f.Seek(0, io.SeekCurrent)
	return max(0, info.Size()-offset), err
}

// put replaces the state by r, which has size bytes, -1 where that is not known.
func (s Socket) put(r io.Reader, size int64, ifMatch string, allowEmpty bool) error {
	state := &newState{r: bufio.NewReaderSize(r, readBuffer), left: size, sized: size > 0}
	var body io.Reader = state
	if _, err := state.r.Peek(1); errors.Is(err, io.EOF) {
		if !allowEmpty {
			return errors.New("standard input is empty, so nothing was stored: an empty state needs -allow-empty")
		}
		body, size = http.NoBody, 0
	}
	_, err := s.do(http.MethodPut, body, size, ifMatch)
	if errors.Is(err, errNoResponse) {
		return fmt.Errorf("%w; the state may have been replaced, see foobar get", err)
	}
	return err
}

// do sends one request, and returns a response that is not an error.
func (s Socket) do(method string, body io.Reader, size int64, ifMatch string) (*http.Response, error) {
	req, err := http.NewRequest(method, "http://foobar/", body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	return roundTrip(req, "-socket", func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", string(s))
	})
}

// readBuffer is how much of a new state is read at a time, in bytes.
const readBuffer = 64 << 10

// A newState reads the state that replaces the stored one. Where its size has been
// announced and is another, it returns an error in the place of the last byte, so
// that the service never gets a complete request with a part of the state.
type newState struct {
	r     *bufio.Reader
	sized bool
	left  int64 // bytes, if sized
}

// Read implements io.Reader.
func (s *newState) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.left -= int64(n)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return n, readError(err)
	case s.sized && s.left > 0 && err != nil:
		return n, readError(errors.New("the file shrank while it was read, so nothing was stored: use a copy of the file"))
	case s.sized && s.left <= 0 && !s.atEnd():
		return 0, readError(errors.New("the file grew while it was read, so nothing was stored: use a copy of the file"))
	}
	return n, err
}

func (s *newState) atEnd() bool {
	_, err := s.r.Peek(1)
	return err != nil && s.left == 0
}

func readError(err error) error {
	return &clientError{err, fmt.Sprintf("read the new state: %v", err)}
}
