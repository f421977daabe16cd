// Package adminclient reads and replaces the state of a running service over
// its admin socket, reads its metrics, and asks systemd about its unit.
//
// Each request has a connection of its own, without proxies and redirects. Read
// socket.go first.
package adminclient

import (
	"context"
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

// The kinds of errors that a script may have to distinguish.
var (
	ErrUnavailable  = errors.New("no service answers")
	ErrPermission   = errors.New("permission denied")
	ErrPrecondition = errors.New("precondition failed")
)

// errNoResponse marks an ErrUnavailable of a request that may have been served.
var errNoResponse = fmt.Errorf("%w: the connection ended without a response", ErrUnavailable)

// A clientError has a message for the administrator and is of a kind for
// scripts.
type clientError struct {
	kind    error // nil for all others
	message string
}

func (e *clientError) Error() string { return e.message }
func (e *clientError) Unwrap() error { return e.kind }

// roundTrip sends req over a connection that dial makes, and returns the
// response. A status of 400 or more is an error. Flag is the flag of the command
// that names another address.
func roundTrip(req *http.Request, flag string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*http.Response, error) {
	transport := http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, dialError(err, flag)
			}
			return readingConn{conn}, nil
		},
	}
	req.Header.Set("User-Agent", "foobar")
	resp, err := transport.RoundTrip(req)
	if described, ok := errors.AsType[*clientError](err); ok {
		return nil, described
	}
	if err != nil {
		return nil, &clientError{errNoResponse, fmt.Sprintf("the connection ended without a response: %v", err)}
	}
	return resp, statusError(resp)
}

// A readingConn leaves it to reads to find out that the service has closed the
// connection. A service that refuses a body answers and closes, and net/http would
// report that the body could not be written instead of the response.
type readingConn struct{ net.Conn }

// Write implements net.Conn.
func (c readingConn) Write(b []byte) (int, error) {
	c.Conn.Write(b)
	return len(b), nil
}

// dialError returns the error of a connection, with what the administrator can do
// about it.
func dialError(err error, flag string) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Addr == nil {
		return &clientError{ErrUnavailable, fmt.Sprintf("cannot connect: %v", err)}
	}
	address := op.Addr.String()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &clientError{ErrPermission, fmt.Sprintf("%s: permission denied: the socket is for root and the group foobar-admin, which root adds you to by `usermod -aG foobar-admin USER`, for your next login", address)}
	case errors.Is(err, fs.ErrNotExist):
		return &clientError{ErrUnavailable, fmt.Sprintf("%s: no such socket: foobar is not running, start it by `systemctl start foobar%s`; "+
			"or the socket's file was removed, `systemctl restart foobar-admin%[2]s.socket` makes it again; or name another socket by %s", address, instanceSocket.ReplaceAllString(address, "$1"), flag)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &clientError{ErrUnavailable, fmt.Sprintf("%s: nothing listens there, so foobar is not running: see `systemctl status foobar`, start it by `systemctl start foobar`, or name another address by %s", address, flag)}
	}
	return &clientError{ErrUnavailable, fmt.Sprintf("%s: cannot connect: %v", address, op.Err)}
}

// instanceSocket matches every path. $1 is "@" and the name of the instance of
// foobar@.service whose admin socket the path is, empty for another path.
var instanceSocket = regexp.MustCompile(`^(?:/run/foobar-admin(@[^/]+)\.sock|.*)$`)

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
	kinds := map[int]error{
		http.StatusPreconditionFailed: ErrPrecondition,
		http.StatusServiceUnavailable: ErrUnavailable,
	}
	return &clientError{kinds[resp.StatusCode], message}
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
