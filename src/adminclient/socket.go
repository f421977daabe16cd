package adminclient

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	return s.do(http.MethodGet, nil, 0, "", func(resp *http.Response) error {
		_, err := io.Copy(w, resp.Body)
		return err
	})
}

// ETag returns the entity tag of the state, quotation marks included (RFC 9110,
// section 8.8.3).
func (s Socket) ETag() (string, error) {
	tag := ""
	err := s.do(http.MethodHead, nil, 0, "", func(resp *http.Response) error {
		tag = escapeTerminal(resp.Header.Get("ETag"))
		return nil
	})
	return tag, err
}

// Put replaces the state by what body holds. Size is in bytes, -1 where it is
// not known; a body that turns out to be of another size is an error, and
// replaces nothing. Where ifMatch is not empty, it is the entity tag that the
// state must have, or "*" for any. The error is ErrPrecondition where it has
// another.
func (s Socket) Put(body io.Reader, size int64, ifMatch string) error {
	if size > 0 {
		body = newSizedBody(body, size)
	}
	err := s.do(http.MethodPut, body, size, ifMatch, func(*http.Response) error { return nil })
	if errors.Is(err, errNoResponse) {
		return fmt.Errorf("%w; the state may have been replaced, see foobar get", err)
	}
	return err
}

// do sends one request and has the response, which is not an error, handled.
func (s Socket) do(method string, body io.Reader, size int64, ifMatch string, handle func(*http.Response) error) error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: string(s), Net: "unix"})
	if err != nil {
		return dialError(err, string(s), "-socket")
	}
	defer conn.Close()
	req, err := http.NewRequest(method, "http://foobar/", body)
	if err != nil {
		return err
	}
	req.Close = true
	req.ContentLength = size
	req.Header.Set("User-Agent", "foobar")
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	resp, err := roundTrip(conn, req)
	if err != nil {
		return err
	}
	return handle(resp)
}
