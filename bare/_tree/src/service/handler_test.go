package service

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// keepValue is the Backend of the tests: it keeps one value in memory.
func keepValue(*slog.Logger, string) (http.Handler, error) {
	var value atomic.Pointer[string]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			text := string(body)
			value.Store(&text)
			io.WriteString(w, "ok")
			return
		}
		if value.Load() == nil {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, *value.Load())
	}), nil
}

// TestHandlerBehindTheAccessRules reads and writes with and without the token, over
// HTTPS and over the administration socket.
func TestHandlerBehindTheAccessRules(t *testing.T) {
	i := start(t, "access: {read: token}\n")
	for _, h2 := range []bool{false, true} {
		if resp, text := i.do(i.client(h2), "GET", ""); resp.StatusCode != 401 || !strings.Contains(text, "Bearer") {
			t.Errorf("without the token: %d %q", resp.StatusCode, text)
		}
		if resp, text := i.do(i.client(h2), "POST", "hello"); resp.StatusCode != 200 || text != "ok" {
			t.Errorf("POST with the token: %d %q", resp.StatusCode, text)
		}
	}
	resp := must[*http.Response](t)(i.administrator().Get("http://admin/"))
	defer resp.Body.Close()
	if text := string(must[[]byte](t)(io.ReadAll(resp.Body))); resp.StatusCode != 200 || text != "hello" {
		t.Errorf("over the administration socket: %d %q", resp.StatusCode, text)
	}
}

// TestBodyLimit sends a body that is too large, with and without its length.
func TestBodyLimit(t *testing.T) {
	i := start(t, "limits: {body: 1KiB}\n")
	for _, h2 := range []bool{false, true} {
		if resp, text := i.do(i.client(h2), "POST", strings.Repeat("x", 1024)); resp.StatusCode != 200 {
			t.Errorf("a body of the limit: %d %q", resp.StatusCode, text)
		}
		if resp, text := i.do(i.client(h2), "POST", strings.Repeat("x", 1025)); resp.StatusCode != 413 {
			t.Errorf("a larger body: %d %q", resp.StatusCode, text)
		}
	}
}

// TestHealth asks for /healthz and the pages of the metrics' listener.
func TestHealth(t *testing.T) {
	i := start(t, "")
	resp := must[*http.Response](t)(i.client(false).Get("https://" + i.https + "/healthz"))
	defer resp.Body.Close()
	if text := string(must[[]byte](t)(io.ReadAll(resp.Body))); resp.StatusCode != 200 || text != "ok\n" {
		t.Errorf("/healthz: %d %q", resp.StatusCode, text)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, text := i.scrape(path); status != 200 {
			t.Errorf("%s of the metrics' listener: %d %q", path, status, text)
		}
	}
}

// TestStop finishes with no error, and drains at once when there is no connection.
func TestStop(t *testing.T) {
	i := start(t, "")
	if err := i.end(); err != nil {
		t.Error(err)
	}
}

// TestErrorOfHandler starts a service whose handler cannot be made. The process must end
// with the status after which systemd does not restart it.
func TestErrorOfHandler(t *testing.T) {
	for want, err := range map[string]error{
		"mkdir links: operation not permitted: SystemCallFilter=": &fs.PathError{Op: "mkdir", Path: "links", Err: syscall.EPERM},
		"the list is empty": errors.New("the list is empty"),
	} {
		o := newInstance(t, "").options()
		o.Backend = func(*slog.Logger, string) (http.Handler, error) { return nil, err }
		_, got := Open(o)
		if !errors.As(got, new(*ConfigError)) || !strings.HasPrefix(got.Error(), want) {
			t.Errorf("the handler's error %q ends the service with %v", err, got)
		}
	}
}
