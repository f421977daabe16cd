package service

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
)

func TestSlowAndLargeRequestsAreCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real timeouts")
	}
	i := start(t, "timeouts: {header: 300ms, body: 300ms, response: 300ms, idle: 300ms}\nlimits: {header: 2KiB}")
	token := i.token()
	for name, test := range map[string]struct {
		send, want string
	}{
		"no request":     {"", ""},
		"half a header":  {"GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"half a body":    {"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 10\r\n\r\n01234", "HTTP/1.1 408 "},
		"large header":   {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 10000) + "\r\n\r\n", "HTTP/1.1 431 "},
		"idle after one": {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	} {
		t.Run(name, func(t *testing.T) {
			c := i.dial()
			io.WriteString(c, test.send)
			c.SetReadDeadline(time.Now().Add(testTimeout))
			text, err := io.ReadAll(c)
			if err != nil && !closedByPeer(err) {
				t.Errorf("the connection is still open: %v", err)
			}
			if !strings.HasPrefix(string(text), test.want) {
				t.Errorf("the response is %q, want %q", text, test.want)
			}
		})
	}
}

// TestIdleConnectionsMakeRoom checks that a client which occupies all connections
// keeps nobody out, and that its own idle connection is closed for it.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	i := start(t, "limits: {connections: 2}")
	first := i.dial()
	i.dial()
	if _, _, err := i.try(i.client(false), "GET", ""); err != nil {
		t.Errorf("a third connection: %v", err)
	}
	first.SetReadDeadline(time.Now().Add(testTimeout))
	if _, err := first.Read(make([]byte, 1)); !closedByPeer(err) && err != io.EOF {
		t.Errorf("the connection that was idle the longest: %v", err)
	}
}

func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	i := start(t, "limits: {connections: 10, per_address: 1}")
	i.dial()
	if _, _, err := i.try(i.client(false), "GET", ""); err == nil {
		t.Error("a second connection of one address was served")
	}
}

// TestScrapesAreLimited checks that local users can keep no more than maxScrapes
// connections for metrics open: for one more, one of them is closed.
func TestScrapesAreLimited(t *testing.T) {
	i := start(t, "")
	ended := make(chan error, maxScrapes+1)
	for range maxScrapes + 1 {
		c := must[net.Conn](t)(net.Dial("tcp", i.metrics))
		t.Cleanup(func() { c.Close() })
		c.SetReadDeadline(time.Now().Add(5 * time.Second)) // before timeouts.header
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d connections are open", maxScrapes+1)
	}
}

// TestReadersOfOldVersionsAreCutOff checks that a client which reads nothing of
// each version loses its connection, whatever serves it.
func TestReadersOfOldVersionsAreCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until responses have taken a second")
	}
	for name, test := range map[string]struct{ fastPath, http2 bool }{
		"fast path": {true, false}, "net/http": {false, false}, "HTTP/2": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, fmt.Sprintf("limits: {state: 8MiB}\nhttp: {fast_path: %v}", test.fastPath))
			put := func(n int) {
				body := strings.Repeat(string(rune('a'+n)), 8<<20)
				if resp, text := i.do(i.client(false), "PUT", body); resp.StatusCode >= 300 {
					t.Fatalf("PUT: %d %s", resp.StatusCode, text)
				}
			}
			put(0)
			i.do(i.client(test.http2), "GET", "")
			i.versionsRead(0)
			first := i.readNothing(test.http2)
			for n := range api.MaxVersions {
				put(1 + n)
				i.readNothing(test.http2)
			}
			if n, err := io.Copy(io.Discard, first.Body); !closedByPeer(err) {
				t.Errorf("%d bytes of the first version were read: %v", n, err)
			}
			i.versionsRead(api.MaxVersions)
			const want = `foobar_http_requests_refused_total{listener="https",reason="versions"} 1`
			if _, text := i.scrape("/metrics"); !strings.Contains(text, want+"\n") {
				t.Errorf("the metrics have no %s", want)
			}
		})
	}
}

// TestSlowestUploadMakesRoom checks that an upload which does not end gets a
// response for which others have room, whatever serves it.
func TestSlowestUploadMakesRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until an upload has taken a second")
	}
	for name, test := range map[string]struct{ fastPath, http2 bool }{
		"fast path": {true, false}, "net/http": {false, false}, "HTTP/2": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, fmt.Sprintf("limits: {state: 64KiB, uploads: 64KiB}\nhttp: {fast_path: %v}", test.fastPath))
			body, feed := io.Pipe()
			defer feed.Close()
			req := must[*http.Request](t)(http.NewRequest("PUT", "https://"+i.https+"/", body))
			req.ContentLength = 64 << 10
			req.Header.Set("Authorization", "Bearer "+i.token())
			slow := make(chan *http.Response, 1)
			go func() {
				resp, err := i.client(test.http2).Do(req)
				if err != nil {
					t.Error(err)
				}
				slow <- resp
			}()
			feed.Write(make([]byte, 33<<10))
			others := i.client(test.http2)
			eventually(t, "a slow upload makes room", func() bool {
				resp, _ := i.do(others, "PUT", strings.Repeat("x", 16<<10))
				return resp.StatusCode < 300 && len(slow) == 1
			})
			if resp := <-slow; resp != nil && (resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "") {
				t.Errorf("the slow upload: %s", resp.Status)
			}
		})
	}
}

// versionsRead waits until n versions count as being read.
func (i *instance) versionsRead(n int) {
	i.t.Helper()
	want := fmt.Sprintf("foobar_state_versions_read %d\n", n)
	eventually(i.t, want, func() bool {
		_, text := i.scrape("/metrics")
		return strings.Contains(text, want)
	})
}

// readNothing sends a GET and reads nothing of the body. While the service refuses
// that, it sends another.
func (i *instance) readNothing(http2 bool) (resp *http.Response) {
	i.t.Helper()
	c := i.client(http2)
	eventually(i.t, "a response that has the state", func() bool {
		resp = must[*http.Response](i.t)(c.Get("https://" + i.https + "/"))
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return false
		}
		i.t.Cleanup(func() { resp.Body.Close() })
		return true
	})
	return resp
}
