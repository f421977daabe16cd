// Package adminclient reads and replaces the state of a running service over
// its admin socket, reads its metrics, and asks systemd about its unit.
//
// It sends one HTTP request over one connection, and uses the messages of
// net/http without its client, which would add connection pools, proxies,
// redirects, cookies and HTTP/2 to a binary that is also the service. Read
// socket.go first.
package adminclient

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"unicode"
)

// The kinds of errors that a script may have to tell apart.
var (
	ErrUnavailable  = errors.New("no service answers")
	ErrPermission   = errors.New("permission denied")
	ErrPrecondition = errors.New("precondition failed")
	ErrAddress      = errors.New("not an address of metrics")
)

// errNoResponse marks an ErrUnavailable of a request that may have been served.
var errNoResponse = fmt.Errorf("%w: the connection ended without a response", ErrUnavailable)

// A clientError has a message for the administrator and is of a kind for
// scripts.
type clientError struct {
	kind    error
	message string
}

func (e *clientError) Error() string { return e.message }
func (e *clientError) Unwrap() error { return e.kind }

// dialError returns the error of a connection to an address, with what the
// administrator can do about it. Flag is the flag that names another address.
func dialError(err error, address, flag string) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &clientError{ErrPermission, fmt.Sprintf("%s: permission denied: the socket is for root and the group foobar-admin, which root adds you to by `usermod -aG foobar-admin USER`, for your next login", address)}
	case errors.Is(err, fs.ErrNotExist):
		instance := instanceOf(address)
		return &clientError{ErrUnavailable, fmt.Sprintf("%s: no such socket: foobar is not running, start it by `systemctl start foobar%s`; "+
			"or the socket's file was removed, `systemctl restart foobar-admin%[2]s.socket` makes it again; or name another socket by %s", address, instance, flag)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &clientError{ErrUnavailable, fmt.Sprintf("%s: nothing listens there, so foobar is not running: see `systemctl status foobar`, start it by `systemctl start foobar`, or name another address by %s", address, flag)}
	}
	return &clientError{ErrUnavailable, fmt.Sprintf("%s: cannot connect: %v", address, systemError(err))}
}

// instanceSocket is the admin socket of an instance of foobar@.service.
var instanceSocket = regexp.MustCompile(`^/run/foobar-admin(@[^/]+)\.sock$`)

// instanceOf returns "@" and the name of the instance whose admin socket a path
// is, empty for another path.
func instanceOf(path string) string {
	if m := instanceSocket.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	return ""
}

// systemError returns what the system reported, without the operation and the
// address that net adds.
func systemError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// A duplexConn is what roundTrip needs of net.TCPConn and net.UnixConn.
type duplexConn interface {
	net.Conn
	CloseWrite() error
}

// sendBuffer is how much of a body is sent at a time, in bytes.
const sendBuffer = 64 << 10

// roundTrip sends req and returns the response, or a statusError. It reads while
// it writes, so that a response that comes before the body is complete, such as
// 413, is seen.
func roundTrip(conn duplexConn, req *http.Request) (*http.Response, error) {
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriterSize(conn, sendBuffer)
		err := errors.Join(req.Write(out), out.Flush())
		sent <- err
		if err != nil {
			conn.CloseWrite() // the service sees that the body is incomplete, and answers
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	select {
	case sendErr := <-sent:
		if sendErr != nil && !isNetworkError(sendErr) {
			return nil, fmt.Errorf("read the new state: %w", sendErr)
		}
	default:
	}
	if err != nil {
		return nil, &clientError{errNoResponse, fmt.Sprintf("the service ended the connection without a response: %v", systemError(err))}
	}
	return resp, statusError(resp)
}

func isNetworkError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// maxErrorBody is how much of a response is shown as an error, in bytes.
const maxErrorBody = 1 << 10

// statusError returns the service's own message where the status is an error,
// and nil otherwise.
func statusError(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil || len(text) == 0 {
		text = []byte(http.StatusText(resp.StatusCode))
	}
	message := fmt.Sprintf("%s (HTTP %d)", escapeTerminal(strings.TrimSpace(string(text))), resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusPreconditionFailed:
		return &clientError{ErrPrecondition, message}
	case http.StatusServiceUnavailable:
		return &clientError{ErrUnavailable, message}
	}
	return errors.New(message)
}

// escapeTerminal replaces what could control a terminal, as any process may
// listen where the service does not.
func escapeTerminal(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
