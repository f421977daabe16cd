package adminclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// TestAnotherServerCannotSteerTheTerminal has another process listen in the place of the
// service. Control characters in its response do not reach the terminal.
func TestAnotherServerCannotSteerTheTerminal(t *testing.T) {
	const hostile = "\x1b]0;owned\a\nsecond \u202eline"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			io.WriteString(w, "# TYPE foobar_build_info gauge\nfoobar_build_info{version=\"\x1b]0;owned\a\"} 1\n")
			return
		}
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, hostile+strings.Repeat("x", 1<<20))
	}))
	defer s.Close()
	f, err := ReadMetrics(s.URL + "/metrics")
	if err != nil || f.Version != "?]0;owned?" {
		t.Errorf("version %q, %v", f.Version, err)
	}
	_, err = ReadMetrics(s.URL + "/other")
	if err == nil || len(err.Error()) > 2*maxErrorBody || !strings.HasPrefix(err.Error(), "?]0;owned??second ?line") {
		t.Errorf("error %.100q", err)
	}
}

// endless is valid metrics without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "# a comment\n"), nil }

func TestEndlessMetricsAreCutOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, endless{}) }))
	defer s.Close()
	began := time.Now()
	if _, err := ReadMetrics(s.URL); err == nil || time.Since(began) > metricsTimeout/2 {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// listen has each connection to the path that it returns served by serve.
func listen(t *testing.T, serve func(net.Conn)) Socket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	return Socket(path)
}

func TestNoResponse(t *testing.T) {
	s := listen(t, func(net.Conn) {})
	if err := s.Get(io.Discard); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "without a response") {
		t.Errorf("a connection that is closed: %v", err)
	}
}

// TestIncompleteResponse cuts a response off, which is an error.
func TestIncompleteResponse(t *testing.T) {
	s := listen(t, func(c net.Conn) {
		// A connection that is closed with something unread is reset instead.
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			t.Error(err)
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
	})
	if err := s.Get(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

// TestKnownSizeIsAnnounced wants a Content-Length for a body of known size, so that the
// service can refuse a body that is too large before it is sent.
func TestKnownSizeIsAnnounced(t *testing.T) {
	for size, want := range map[int64]int64{5: 5, -1: -1} {
		got := make(chan *http.Request, 1)
		s := listen(t, func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				t.Error(err)
				return
			}
			got <- r
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		})
		if err := s.put(strings.NewReader("01234"), size, "", false); err != nil {
			t.Fatal(err)
		}
		if r := <-got; r.ContentLength != want {
			t.Errorf("size %d: Content-Length %d", size, r.ContentLength)
		}
	}
}

// A refusingConn is a connection to a service that has answered and closed: a
// write fails, and the response can be read.
type refusingConn struct {
	net.Conn
	response io.Reader
}

func (refusingConn) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: syscall.EPIPE}
}

func (refusingConn) Close() error { return nil }

// Read implements io.Reader. It waits until the failure of the write is known.
func (c refusingConn) Read(b []byte) (int, error) {
	synctest.Wait()
	return c.response.Read(b)
}

// TestEarlyResponseCounts has the service respond before the whole body is sent. The
// response is the result, and not the error of sending the rest.
func TestEarlyResponseCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		req, err := http.NewRequest("PUT", "http://foobar/", io.LimitReader(endless{}, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		response := strings.NewReader("HTTP/1.1 413 Content Too Large\r\nContent-Length: 10\r\n\r\ntoo large\n")
		_, err = roundTrip(req, "", func(context.Context, string, string) (net.Conn, error) { return refusingConn{response: response}, nil })
		if err == nil || err.Error() != "too large (HTTP 413)" {
			t.Errorf("error %v", err)
		}
	})
}

// TestIncompleteBodyIsNotStored uploads a body that cannot be read to its end, or that has
// another size than announced. Neither reaches the service as a complete request.
func TestIncompleteBodyIsNotStored(t *testing.T) {
	for name, test := range map[string]struct {
		body io.Reader
		size int64
		want string
	}{
		"unreadable": {io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("bad sector"))), -1, "bad sector"},
		"grew":       {strings.NewReader("0123456789"), 5, "the file grew"},
		"grew by 1":  {iotest.OneByteReader(strings.NewReader("012345")), 5, "the file grew"},
		"shrank":     {strings.NewReader("0123"), 5, "the file shrank"},
	} {
		t.Run(name, func(t *testing.T) {
			complete := make(chan bool, 1)
			s := listen(t, func(c net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					complete <- false
					return
				}
				_, err = io.Copy(io.Discard, r.Body)
				complete <- err == nil
			})
			err := s.put(test.body, test.size, "", false)
			if err == nil || !strings.HasPrefix(err.Error(), "read the new state: "+test.want) {
				t.Errorf("error %v", err)
			}
			if <-complete {
				t.Error("the service sees a complete request")
			}
		})
	}
}

func TestUnknownOutcomeIsReported(t *testing.T) {
	s := listen(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.Copy(io.Discard, r.Body)
		}
	})
	if err := s.put(strings.NewReader("01234"), 5, "", false); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "may have been replaced") {
		t.Errorf("error %v", err)
	}
}

// TestIncompleteMetrics cuts metrics off at each byte. The error differs from that of
// another server's response.
func TestIncompleteMetrics(t *testing.T) {
	const text = "# TYPE foobar_build_info gauge\nfoobar_build_info{version=\"1\"} 1\n"
	const header = "HTTP/1.1 200 OK\r\n"
	for _, whole := range []string{
		header + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text),
		header + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(text), text),
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, err := strconv.Atoi(r.URL.RawQuery)
			if err != nil {
				t.Error(err)
			}
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, whole[:sent])
			c.Close()
		}))
		defer s.Close()
		for sent := range len(whole) + 1 {
			_, err := ReadMetrics(fmt.Sprintf("%s/?%d", s.URL, sent))
			if complete := sent == len(whole); complete != (err == nil) || !complete && !strings.Contains(err.Error(), "ended") {
				t.Errorf("after %q: error %v", whole[:sent], err)
			}
		}
	}
}
