package apitest

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"foobar/src/api"
	"foobar/src/config"

	"go.uber.org/zap"
)

func (s *suite) testPathsAndMethods(t *testing.T) {
	f := s.newFixture(t, usual)
	f.mustPut(t, "hello")
	const state, health = "GET, HEAD, POST, PUT", "GET, HEAD"
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 200, ""},
		{"GET", "/x", 404, ""},
		{"GET", "", 404, ""},
		{"GET", "//", 404, ""},
		{"DELETE", "/x", 404, ""},
		{"DELETE", "/", 405, state},
		{"get", "/", 405, state},
		{"OPTIONS", "/", 405, state},
		{"TRACE", "/", 405, state},
		{"OPTIONS", "*", 200, ""},
		{"GET", "*", 405, "OPTIONS"},
		{"GET", "/healthz", 200, ""},
		{"HEAD", "/healthz", 200, ""},
		{"POST", "/healthz", 405, health},
		{"OPTIONS", "/healthz", 405, health},
		{"GET", "/healthz/", 404, ""},
	} {
		resp := f.Serve(t.Context(), &api.Request{Method: test.method, Path: test.path, Body: strings.NewReader("")})
		if resp.Status != test.status || resp.Allow != test.allow {
			t.Errorf("%s %q: %d, Allow: %q", test.method, test.path, resp.Status, resp.Allow)
		}
	}
}

// testHeader sends requests of net/http, and compares fields of the responses.
func (s *suite) testHeader(t *testing.T) {
	f := s.newFixture(t, usual)
	const tag = `"2cf24dba5fb0a30e26e83b2ac5b9e29e"` // of the first 128 bits of hello's SHA-256
	for _, test := range []struct {
		method, body, field, value string
		status                     int
		want                       map[string]string
	}{
		{"GET", "", "", "", 404, map[string]string{"ETag": "", "Content-Type": "text/plain; charset=utf-8"}},
		{"PUT", "hello", "", "", 201, map[string]string{"ETag": tag, "Content-Length": "2"}},
		{"GET", "", "", "", 200, map[string]string{"ETag": tag, "Content-Length": "5", "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}},
		{"HEAD", "", "", "", 200, map[string]string{"ETag": tag, "Content-Length": "5", "Accept-Ranges": "bytes"}},
		{"GET", "", "If-None-Match", tag, 304, map[string]string{"ETag": tag}},
		{"GET", "", "Range", "bytes=1-2", 206, map[string]string{"Content-Range": "bytes 1-2/5", "Content-Length": "2"}},
		{"GET", "", "Range", "bytes=9-", 416, map[string]string{"Content-Range": "bytes */5"}},
		{"POST", "x", "If-Match", `"x"`, 412, map[string]string{"ETag": ""}},
		{"POST", "x", "Content-Encoding", "gzip", 415, map[string]string{"Accept-Encoding": "identity"}},
		{"POST", "x", "Authorization", "Bearer wrong", 401, map[string]string{"WWW-Authenticate": `Bearer realm="foobar"`}},
		{"DELETE", "", "", "", 405, map[string]string{"Allow": "GET, HEAD, POST, PUT"}},
	} {
		r := httptest.NewRequest(test.method, "https://localhost/", strings.NewReader(test.body))
		r.Header.Set("Authorization", "Bearer "+f.token)
		if test.field != "" {
			r.Header.Set(test.field, test.value)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s %s: %s: %d %s, want %d", test.method, test.field, test.value, w.Code, w.Body, test.status)
		}
		for name, want := range test.want {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s: %s is %q, want %q", test.method, test.field, test.value, name, got, want)
			}
		}
	}
}

// testHealth requests /healthz before there is a state and during a drain.
func (s *suite) testHealth(t *testing.T) {
	for _, test := range []struct {
		rule   config.AccessRule
		token  bool
		status int
	}{
		{config.Anyone, false, 200}, {config.Token, false, 401}, {config.Token, true, 200}, {config.Nobody, true, 403}, {"", false, 403},
	} {
		f := s.newFixture(t, usual)
		f.policy.Apply(config.Access{Read: config.Nobody, Write: config.Nobody, Health: test.rule})
		r := api.Request{Method: "GET", Path: "/healthz"}
		if test.token {
			r.Authorization = field("Bearer " + f.token)
		}
		if resp := f.Serve(t.Context(), &r); resp.Status != test.status || test.status == 200 && string(resp.Body) != "ok\n" {
			t.Errorf("%q, token %v: %d %q, want %d", test.rule, test.token, resp.Status, resp.Body, test.status)
		}
		f.Drain()
		if test.status == 200 {
			test.status = 503
		}
		if resp := f.Serve(t.Context(), &r); resp.Status != test.status {
			t.Errorf("%q, token %v, in a drain: %d, want %d", test.rule, test.token, resp.Status, test.status)
		}
	}
}

// testRefusalsAreLogged requires the reason of each refusal in the log at level debug.
func (s *suite) testRefusalsAreLogged(t *testing.T) {
	f := s.newFixture(t, usual)
	for _, test := range []struct {
		change func(*api.Request)
		cause  string
	}{
		{func(r *api.Request) { r.Authorization = api.Field{} }, "Authorization"},
		{func(r *api.Request) { r.Path = "/x" }, "path"},
		{func(r *api.Request) { api.AddField(r, "If-Match", "") }, "If-Match"},
		{func(r *api.Request) { api.AddField(r, "If-Match", `"x"`) }, "precondition failed"},
		{func(r *api.Request) { r.Body = iotest.ErrReader(errors.New("connection reset")) }, "the body is incomplete: connection reset"},
	} {
		resp := f.put(t, "x", func(r *api.Request) { r.ID = 0xabc; test.change(r) })
		entries := f.log.TakeAll()
		if len(entries) != 1 || entries[0].Level != zap.DebugLevel || !strings.Contains(entries[0].ContextMap()["error"].(string), test.cause) ||
			entries[0].ContextMap()["request_id"] != "0000000000000abc" || entries[0].ContextMap()["status"] != int64(resp.Status) {
			t.Errorf("%s: the log has %v", test.cause, entries)
		}
		if strings.Contains(string(resp.Body), "reset") {
			t.Errorf("the client gets %q", resp.Body)
		}
	}
}

func (s *suite) testAccess(t *testing.T) {
	const none = "nobody has a token"
	f := s.newFixture(t, usual)
	for _, test := range []struct {
		rule    config.AccessRule
		header  string // "token" stands for the right one
		trusted bool
		status  int
	}{
		{config.Anyone, "", false, 200},
		{config.Token, "", false, 401},
		{config.Token, "token", false, 200},
		{config.Token, "Bearer wrong", false, 401},
		{config.Token, "", true, 200},
		{config.Token, none, false, 403},
		{config.Nobody, "token", false, 403},
		{config.Nobody, "", true, 200},
		{"", "token", false, 403}, // a rule that was forgotten is closed
	} {
		for _, method := range []string{"GET", "POST"} {
			f.put(t, "before", func(r *api.Request) { r.Trusted = true })
			rules := config.Access{Read: test.rule, Write: config.Nobody}
			if method == "POST" {
				rules = config.Access{Read: config.Nobody, Write: test.rule}
			}
			f.policy.Apply(rules)
			f.creds.Replace(s.load(t, test.header != none))
			header := test.header
			if header == "token" {
				header = "Bearer " + f.token
			}
			resp := f.put(t, "after", func(r *api.Request) { r.Method, r.Authorization, r.Trusted = method, field(header), test.trusted })
			if resp.Status != test.status {
				t.Errorf("%s by %q, Authorization %q, trusted %v: %d, want %d", method, test.rule, test.header, test.trusted, resp.Status, test.status)
			}
			if (resp.Status == 401) != (resp.WWWAuthenticate != "") {
				t.Errorf("%d with WWW-Authenticate %q", resp.Status, resp.WWWAuthenticate)
			}
			want := "before"
			if method == "POST" && test.status == 200 {
				want = "after"
			}
			f.expect(t, want)
		}
	}
}
