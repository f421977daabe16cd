package httpserver

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
)

func TestAccessLog(t *testing.T) {
	server, conf := certificate(t)
	on := defaultSettings
	on.AccessLog = true
	onEachEngine(t, func(t *testing.T, g protocol) {
		e := start(t, &echo{}, g.settings(on), server)
		req, err := http.NewRequest("POST", "https://example.com/a%0Ab?token=hunter2", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer hunter2")
		resp, err := client(t, e, conf, g).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		message, fields := e.logged(t, 1)
		if !strings.HasPrefix(message, "POST /a%0Ab: 200, 5 bytes in ") {
			t.Errorf("the message is %q", message)
		}
		for key, want := range map[string]any{
			"request_id": resp.Header.Get("X-Request-Id"), "method": "POST", "path": "/a%0Ab", "protocol": resp.Proto,
			"status": int64(200), "request_bytes": int64(5), "response_bytes": int64(5),
		} {
			if fields[key] != want {
				t.Errorf("%s is %v, want %v", key, fields[key], want)
			}
		}
		if took, ok := fields["duration"].(time.Duration); !ok || took <= 0 || took > 5*time.Second {
			t.Errorf("duration is %v", fields["duration"])
		}
		if from, ok := fields["remote_address"].(string); !ok || !strings.HasPrefix(from, "127.0.0.1:") {
			t.Errorf("remote_address is %v", fields["remote_address"])
		}
		for key, value := range fields {
			if text, ok := value.(string); ok && strings.Contains(text, "hunter2") {
				t.Errorf("%s holds a secret: %s", key, text)
			}
		}
		e.Apply(g.settings(defaultSettings))
		resp, err = client(t, e, conf, g).Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if err := e.Shutdown(context.Background()); err != nil { // until the request is done
			t.Error(err)
		}
		if e.access.Len() != 1 {
			t.Errorf("the access log is off, and has %v", e.access.All()[1:])
		}
	})
}

func TestAccessLogOfWhatCannotBeRead(t *testing.T) {
	on := defaultSettings
	on.AccessLog = true
	e := start(t, &echo{}, on, nil)
	c := dial(t, e.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost : hunter2\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	message, fields := e.logged(t, 1)
	if !strings.HasPrefix(message, "unreadable request: 400, ") || fields["status"] != int64(400) {
		t.Errorf("%q %v", message, fields)
	}
	id, ok := fields["request_id"].(string)
	if !ok || !strings.Contains(string(answer), "\r\nX-Request-Id: "+id+"\r\n") {
		t.Errorf("the ID is %v, the answer %q", fields["request_id"], answer)
	}
}

// TestRequestID wants a request ID in each response about which the log may have an entry.
func TestRequestID(t *testing.T) {
	server, conf := certificate(t)
	on := defaultSettings
	on.AccessLog = true
	seen := map[string]bool{}
	onEachEngine(t, func(t *testing.T, g protocol) {
		for _, c := range []struct {
			settings Settings
			method   string
			status   int
			want     bool
		}{
			{defaultSettings, "GET", 200, false}, {defaultSettings, "HEAD", 304, false}, {defaultSettings, "GET", 404, true}, {defaultSettings, "GET", 507, true},
			{defaultSettings, "POST", 200, true}, {defaultSettings, "PUT", 201, true}, {on, "GET", 200, true}, {on, "HEAD", 200, true},
		} {
			h := handlerFunc(func(*api.Request) api.Response { return api.Response{Status: c.status} })
			req, err := http.NewRequest(c.method, "https://example.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			// The client's own is not taken over: it could be anything.
			req.Header.Set("X-Request-Id", "0123456789abcdef")
			resp, err := client(t, start(t, h, g.settings(c.settings), server), conf, g).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			ids := resp.Header.Values("X-Request-Id")
			if !c.want {
				if len(ids) > 0 {
					t.Errorf("%s, %d: %q", c.method, c.status, ids)
				}
				continue
			}
			if len(ids) != 1 || !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(ids[0]) || seen[ids[0]] || ids[0] == "0123456789abcdef" {
				t.Errorf("%s, %d, access log %v: %q", c.method, c.status, c.settings.AccessLog, ids)
				continue
			}
			seen[ids[0]] = true
		}
	})
}
