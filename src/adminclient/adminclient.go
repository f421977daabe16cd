// Package adminclient asks a running service what its administrator wants to know of
// it: the state over the admin socket, figures from the metrics listener.
//
// It speaks HTTP over one connection for each question, by net/http's messages
// without its client: that one would add pools, proxies, redirects, cookies and
// HTTP/2 to a binary that is also the service.
package adminclient

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode"
)

// The kinds of failure that a script may want to tell apart.
var (
	ErrUnavailable  = errors.New("no service answers")
	ErrPermission   = errors.New("permission denied")
	ErrPrecondition = errors.New("precondition failed")
)

// A failure is a sentence for a person, of a kind for a script.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// dialed turns what connecting to a place has met into a failure that says what
// to do.
func dialed(err error, place, otherwise string) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &failure{ErrPermission, fmt.Sprintf("%s: permission denied: it is for root and the group foobar-admin, which root adds you to by `usermod -aG foobar-admin USER`, for your next login", place)}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &failure{ErrUnavailable, fmt.Sprintf("%s: nothing listens there, so foobar is not running: see `systemctl status foobar`, start it by `systemctl start foobar`, or %s", place, otherwise)}
	}
	return &failure{ErrUnavailable, fmt.Sprintf("%s: cannot connect: %v", place, cause(err))}
}

// cause returns what the system said, without the address that the caller names.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// A connection is what exchange needs of net.TCPConn and net.UnixConn.
type connection interface {
	net.Conn
	CloseWrite() error
}

// sendBuffer is how much of a body is sent at a time, in bytes.
const sendBuffer = 64 << 10

// exchange sends req and returns the response. It reads while it writes, so
// that an answer that comes before the body is whole, such as 413, is seen.
func exchange(conn connection, req *http.Request) (*http.Response, error) {
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriterSize(conn, sendBuffer)
		err := errors.Join(req.Write(out), out.Flush())
		sent <- err
		if err != nil {
			conn.CloseWrite() // half a body: the service answers so
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	select {
	case failed := <-sent:
		if failed != nil && !fromNetwork(failed) {
			return nil, fmt.Errorf("read what is to be stored: %w", failed)
		}
	default:
	}
	if err != nil {
		return nil, &failure{ErrUnavailable, fmt.Sprintf("the service ended the connection without an answer: %v", cause(err))}
	}
	return resp, refused(resp)
}

func fromNetwork(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// maxSentence is the longest answer that is shown as an error, in bytes.
const maxSentence = 1 << 10

// refused returns the service's own sentence where it has not done what it was
// asked.
func refused(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSentence))
	if err != nil || len(text) == 0 {
		text = []byte(http.StatusText(resp.StatusCode))
	}
	sentence := fmt.Sprintf("%s (HTTP %d)", printable(strings.TrimSpace(string(text))), resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusPreconditionFailed:
		return &failure{ErrPrecondition, sentence}
	case http.StatusServiceUnavailable:
		return &failure{ErrUnavailable, sentence}
	}
	return errors.New(sentence)
}

// printable keeps what another process says from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
