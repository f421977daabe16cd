package access

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/request"
)

// newCredentials returns credentials with or without a token, and the value of
// Authorization for the token.
func newCredentials(t *testing.T, withToken bool) (set *credentials.Set, authorization string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	files := credentials.Files{Cert: path(credentials.CertFile), Key: path(credentials.KeyFile)}
	if withToken {
		files.Token = path(credentials.TokenFile)
	}
	set, err := credentials.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(path(credentials.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	return set, "Bearer " + strings.TrimSpace(string(token))
}

// ok answers every request.
var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })

// ask returns the response of h to a client that may be trusted.
func ask(h http.Handler, method, target string, authorization []string, trusted bool) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r = r.WithContext(request.WithOrigin(r.Context(), request.Client{Trusted: trusted}, 1))
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestRules asks a handler behind each rule.
func TestRules(t *testing.T) {
	with, right := newCredentials(t, true)
	without, _ := newCredentials(t, false)
	for _, test := range []struct {
		rule          config.AccessRule
		set           *credentials.Set
		authorization string
		trusted       bool
		status        int
	}{
		{config.Anyone, with, "", false, 200},
		{config.Token, with, "", false, 401},
		{config.Token, with, right, false, 200},
		{config.Token, with, "Bearer wrong", false, 401},
		{config.Token, with, "", true, 200},
		{config.Token, without, right, false, 403},
		{config.Certificate, with, right, false, 403},
		{config.Both, with, right, false, 403},
		{config.Nobody, with, right, false, 403},
		{config.Nobody, with, "", true, 200},
		{"", with, right, false, 403}, // a rule that was forgotten is closed
	} {
		policy := New(credentials.NewStore(test.set), config.Access{Read: config.Nobody})
		h := policy.Handler(ok)
		if w := ask(h, "GET", "/", nil, false); w.Code != 403 {
			t.Errorf("before Apply: %d", w.Code)
		}
		policy.Apply(config.Access{Read: test.rule})
		w := ask(h, "GET", "/", []string{test.authorization}, test.trusted)
		if w.Code != test.status || (w.Code == 401) != (w.Header().Get("Www-Authenticate") != "") {
			t.Errorf("%q, Authorization %q, trusted %v: %d %v, want %d", test.rule, test.authorization, test.trusted, w.Code, w.Header(), test.status)
		}
		if passed := w.Body.String() == "ok"; passed != (test.status == 200) {
			t.Errorf("%q, Authorization %q: the handler was called: %v", test.rule, test.authorization, passed)
		}
	}
}

// TestRuleOf opens one rule at a time.
func TestRuleOf(t *testing.T) {
	set, _ := newCredentials(t, true)
	rules := map[string]config.Access{
		"read":   {Read: config.Anyone, Write: config.Nobody, Health: config.Nobody},
		"write":  {Read: config.Nobody, Write: config.Anyone, Health: config.Nobody},
		"health": {Read: config.Nobody, Write: config.Nobody, Health: config.Anyone},
	}
	for _, test := range []struct{ method, target, rule string }{
		{"GET", "/", "read"}, {"HEAD", "/any/path", "read"}, {"GET", "/healthz/", "read"},
		{"GET", "/healthz", "health"}, {"HEAD", "/healthz", "health"}, {"OPTIONS", "*", "health"},
		{"POST", "/healthz", "write"}, {"PUT", "/", "write"}, {"DELETE", "/", "write"}, {"OPTIONS", "/", "write"}, {"BREW", "/", "write"}, {"get", "/", "write"},
	} {
		for name, access := range rules {
			w := ask(New(credentials.NewStore(set), access).Handler(ok), test.method, test.target, nil, false)
			if allowed := w.Code == 200; allowed != (name == test.rule) {
				t.Errorf("%s %s with access.%s open: %d", test.method, test.target, name, w.Code)
			}
		}
	}
}

// TestRepeatedAuthorization refuses what a proxy may understand differently, even if
// one of the lines has the token.
func TestRepeatedAuthorization(t *testing.T) {
	set, right := newCredentials(t, true)
	policy := New(credentials.NewStore(set), config.Access{Read: config.Token})
	if w := ask(policy.Handler(ok), "GET", "/", []string{right, "Bearer wrong"}, false); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}
