package adminclient

import (
	"io"
	"net"
	"net/http"
)

// DefaultSocket is where foobar-admin.socket listens.
const DefaultSocket = "/run/foobar-admin.sock"

// A Socket is the path of an admin socket.
//
// Nothing limits how long it waits: the service's own timeouts end a request,
// its watchdog a service that hangs, and while it is started again, connections
// wait for it.
type Socket string

// Get writes the state to w as it comes in.
func (s Socket) Get(w io.Writer) error {
	return s.ask(http.MethodGet, nil, 0, "", func(resp *http.Response) error {
		_, err := io.Copy(w, resp.Body)
		return err
	})
}

// ETag returns the entity tag of the state, in its quotation marks.
func (s Socket) ETag() (string, error) {
	tag := ""
	err := s.ask(http.MethodHead, nil, 0, "", func(resp *http.Response) error {
		tag = printable(resp.Header.Get("ETag"))
		return nil
	})
	return tag, err
}

// Put replaces the state by what body holds. Size is in bytes, -1 where it is
// not known. Where ifMatch is not empty, it is the entity tag that the state
// must have, or "*" for any.
func (s Socket) Put(body io.Reader, size int64, ifMatch string) error {
	return s.ask(http.MethodPut, body, size, ifMatch, func(*http.Response) error { return nil })
}

func (s Socket) ask(method string, body io.Reader, size int64, ifMatch string, answered func(*http.Response) error) error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: string(s), Net: "unix"})
	if err != nil {
		return dialed(err, string(s), "name another socket by -socket")
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
	resp, err := exchange(conn, req)
	if err != nil {
		return err
	}
	return answered(resp)
}
