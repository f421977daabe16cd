package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"foobar/src/access"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// fixture is an API over a real store and real credentials.
type fixture struct {
	*API
	disk  *state.Store
	dir   string
	token string
	creds *credentials.Store
	log   *observer.ObservedLogs
}

func newFixture(t *testing.T, change func(*Settings)) *fixture {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	files := credentials.Files{
		Cert:  filepath.Join(dir, credentials.CertFile),
		Key:   filepath.Join(dir, credentials.KeyFile),
		Token: filepath.Join(dir, credentials.TokenFile),
	}
	creds, err := credentials.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(files.Token)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{dir: t.TempDir(), token: strings.TrimSpace(string(token))}
	store, err := state.Open(state.Options{Dir: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f.disk = store
	settings := Settings{State: 1000, Uploads: 1 << 20}
	if change != nil {
		change(&settings)
	}
	core, log := observer.New(zap.InfoLevel)
	f.creds, f.log = credentials.NewStore(creds), log
	f.API = New(store, access.New(f.creds, config.Default().Access), zap.New(core), settings)
	return f
}

func (f *fixture) get(r Request) Response {
	r.Path = "/"
	if r.Method == "" {
		r.Method = "GET"
	}
	return f.Serve(context.Background(), &r)
}

// field returns a field that is present.
func field(value string) Field { return Field{Present: true, Value: value} }

// put writes body with the token.
func (f *fixture) put(body string, change func(*Request)) Response {
	r := Request{Method: "POST", Path: "/", Authorization: field("Bearer " + f.token),
		Body: strings.NewReader(body), ContentLength: int64(len(body))}
	if change != nil {
		change(&r)
	}
	return f.Serve(context.Background(), &r)
}

func (f *fixture) mustPut(t *testing.T, body string) Response {
	t.Helper()
	resp := f.put(body, nil)
	if resp.Status != 200 || string(resp.Body) != "ok" {
		t.Fatalf("POST answers %d %q", resp.Status, resp.Body)
	}
	return resp
}

func TestStoreAndRead(t *testing.T) {
	f := newFixture(t, nil)
	if resp := f.get(Request{}); resp.Status != 404 || !strings.Contains(string(resp.Body), "no state has been stored yet") {
		t.Errorf("before the first write: %d %q", resp.Status, resp.Body)
	}
	put := f.mustPut(t, "hello")
	resp := f.get(Request{})
	if resp.Status != 200 || string(resp.Body) != "hello" || resp.ETag != put.ETag || resp.ETag == "" || resp.ContentType != rawType {
		t.Errorf("GET answers %+v", resp)
	}
	if resp := f.get(Request{Method: "HEAD"}); resp.Status != 200 || len(resp.Body) != 5 {
		t.Errorf("HEAD answers %+v", resp)
	}
	if resp := f.put("there", func(r *Request) { r.Method = "PUT" }); resp.Status != 200 {
		t.Errorf("PUT answers %+v", resp)
	}
	if err := f.disk.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(f.dir, state.FileName))
	if err != nil || string(raw) != "there" {
		t.Errorf("statefile holds %q, %v", raw, err)
	}
}

func TestPutThatCreatesSaysSo(t *testing.T) {
	f := newFixture(t, nil)
	for _, want := range []int{201, 200} {
		resp := f.put("x", func(r *Request) { r.Method = "PUT" })
		if resp.Status != want || string(resp.Body) != "ok" {
			t.Errorf("PUT: %d %q, want %d", resp.Status, resp.Body, want)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "hello")
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
		{"DELETE", "/", 405, "GET, HEAD, POST, PUT"},
		{"get", "/", 405, "GET, HEAD, POST, PUT"},
		{"OPTIONS", "/", 405, "GET, HEAD, POST, PUT"},
		{"TRACE", "/", 405, "GET, HEAD, POST, PUT"},
		{"OPTIONS", "*", 200, ""},
		{"GET", "*", 405, "OPTIONS"},
		{"GET", "/healthz", 200, ""},
		{"HEAD", "/healthz", 200, ""},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"OPTIONS", "/healthz", 405, "GET, HEAD"},
		{"GET", "/healthz/", 404, ""},
	} {
		resp := f.Serve(context.Background(), &Request{Method: test.method, Path: test.path, Body: strings.NewReader("")})
		if resp.Status != test.status || resp.Allow != test.allow {
			t.Errorf("%s %q: %d, Allow: %q", test.method, test.path, resp.Status, resp.Allow)
		}
	}
}

// TestHealth requests /healthz before there is a state and during a drain.
func TestHealth(t *testing.T) {
	for _, test := range []struct {
		rule   config.AccessRule
		token  bool
		status int
	}{
		{config.Anyone, false, 200}, {config.Token, false, 401}, {config.Token, true, 200}, {config.Nobody, true, 403}, {"", false, 403},
	} {
		f := newFixture(t, nil)
		f.policy.Apply(config.Access{Read: config.Nobody, Write: config.Nobody, Health: test.rule})
		r := Request{Method: "GET", Path: "/healthz"}
		if test.token {
			r.Authorization = field("Bearer " + f.token)
		}
		if resp := f.Serve(context.Background(), &r); resp.Status != test.status || test.status == 200 && string(resp.Body) != "ok\n" {
			t.Errorf("%q, token %v: %d %q, want %d", test.rule, test.token, resp.Status, resp.Body, test.status)
		}
		f.Drain()
		if test.status == 200 {
			test.status = 503
		}
		if resp := f.Serve(context.Background(), &r); resp.Status != test.status {
			t.Errorf("%q, token %v, in a drain: %d, want %d", test.rule, test.token, resp.Status, test.status)
		}
	}
}

// TestRefusalsAreLogged wants the reason of each refusal in the log at level debug.
func TestRefusalsAreLogged(t *testing.T) {
	f := newFixture(t, nil)
	core, log := observer.New(zap.DebugLevel)
	f.API.log = zap.New(core)
	for _, test := range []struct {
		change func(*Request)
		cause  string
	}{
		{func(r *Request) { r.Authorization = Field{} }, "Authorization"},
		{func(r *Request) { r.Path = "/x" }, "path"},
		{func(r *Request) { r.IfMatch.Add("") }, "If-Match"},
		{func(r *Request) { r.Body = iotest.ErrReader(errors.New("connection reset")) }, "the body is incomplete: connection reset"},
	} {
		resp := f.put("x", func(r *Request) { r.ID = 0xabc; test.change(r) })
		entries := log.TakeAll()
		if len(entries) != 1 || entries[0].Level != zap.DebugLevel || !strings.Contains(entries[0].ContextMap()["error"].(string), test.cause) ||
			entries[0].ContextMap()["request_id"] != "0000000000000abc" || entries[0].ContextMap()["status"] != int64(resp.Status) {
			t.Errorf("%s: the log has %v", test.cause, entries)
		}
		if strings.Contains(string(resp.Body), "reset") {
			t.Errorf("the client gets %q", resp.Body)
		}
	}
}

func TestAccess(t *testing.T) {
	const none = "nobody has a token"
	for _, test := range []struct {
		who     config.AccessRule
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
		for _, verb := range []string{"GET", "POST"} {
			f := newFixture(t, nil)
			f.put("x", func(r *Request) { r.Trusted = true })
			rules := config.Access{Read: test.who, Write: config.Nobody}
			if verb == "POST" {
				rules = config.Access{Read: config.Nobody, Write: test.who}
			}
			f.policy.Apply(rules)
			header := test.header
			switch header {
			case "token":
				header = "Bearer " + f.token
			case none:
				f.dropToken(t)
			}
			resp := f.put("y", func(r *Request) { r.Method, r.Authorization, r.Trusted = verb, field(header), test.trusted })
			if resp.Status != test.status {
				t.Errorf("%s by %q, Authorization %q, trusted %v: %d, want %d", verb, test.who, test.header, test.trusted, resp.Status, test.status)
			}
			if (resp.Status == 401) != (resp.WWWAuthenticate != "") {
				t.Errorf("%d with WWW-Authenticate %q", resp.Status, resp.WWWAuthenticate)
			}
			if changed := string(f.disk.Current().Data) == "y"; changed != (verb == "POST" && test.status == 200) {
				t.Errorf("%s by %q: changed is %v", verb, test.who, changed)
			}
		}
	}
}

// dropToken gives the API credentials without a token.
func (f *fixture) dropToken(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	creds, err := credentials.Load(credentials.Files{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")})
	if err != nil {
		t.Fatal(err)
	}
	f.creds.Replace(creds)
}

func TestTooLargeChangesNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "hello")
	for _, length := range []int64{1001, -1} {
		resp := f.put(strings.Repeat("x", 1001), func(r *Request) { r.ContentLength = length })
		if resp.Status != 413 || !resp.Close || !strings.Contains(string(resp.Body), "1000 bytes") {
			t.Errorf("Content-Length %d: %+v", length, resp)
		}
	}
	f.expect(t, "hello")
	for _, length := range []int64{1000, -1} {
		if resp := f.put(strings.Repeat("x", 1000), func(r *Request) { r.ContentLength = length }); resp.Status != 200 {
			t.Errorf("body of the largest size, Content-Length %d: %+v", length, resp)
		}
	}
}

func (f *fixture) expect(t *testing.T, want string) {
	t.Helper()
	if got := f.get(Request{}); string(got.Body) != want {
		t.Errorf("state is %q, want %q", got.Body, want)
	}
	if f.uploads.used != 0 || f.uploads.count() != 0 {
		t.Errorf("%d bytes of the upload budget are lost", f.uploads.used)
	}
}

func TestBodyOfUnknownLengthGrows(t *testing.T) {
	f := newFixture(t, func(s *Settings) { s.State = 1 << 20; s.Uploads = 2 << 20 })
	body := strings.Repeat("0123456789abcdef", 1<<15) // 512 KiB
	resp := f.put("", func(r *Request) {
		r.Body, r.ContentLength = iotest.OneByteReader(strings.NewReader(body)), -1
	})
	if resp.Status != 200 {
		t.Fatalf("%+v", resp)
	}
	f.expect(t, body)
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "hello")
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"cut off": {io.ErrUnexpectedEOF, 400},
		"reset":   {errors.New("connection reset"), 400},
		"slow":    {os.ErrDeadlineExceeded, 408},
	} {
		for _, length := range []int64{10, -1} {
			resp := f.put("", func(r *Request) {
				r.Body = io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(test.err))
				r.ContentLength = length
			})
			if resp.Status != test.status || !resp.Close {
				t.Errorf("%s, Content-Length %d: %d, close %v", name, length, resp.Status, resp.Close)
			}
		}
	}
	f.expect(t, "hello")
}

func TestConditions(t *testing.T) {
	f := newFixture(t, nil)
	created := f.put("a", func(r *Request) { r.IfNoneMatch.Add("*") })
	if created.Status != 200 {
		t.Fatalf("create: %+v", created)
	}
	tag := created.ETag
	for _, test := range []struct {
		name   string
		change func(*Request)
		status int
	}{
		{"create again", func(r *Request) { r.IfNoneMatch.Add("*") }, 412},
		{"swap another", func(r *Request) { r.IfMatch.Add(`"x"`) }, 412},
		{"swap a weak tag", func(r *Request) { r.IfMatch.Add("W/" + tag) }, 412},
		{"swap nonsense", func(r *Request) { r.IfMatch.Add("x") }, 400},
		{"swap a space", func(r *Request) { r.IfMatch.Add(`"x y"`) }, 400},
		{"swap half a tag", func(r *Request) { r.IfMatch.Add(`"x", "y`) }, 400},
		{"swap any or this", func(r *Request) { r.IfMatch.Add("*, " + tag) }, 400},
		{"swap without a comma", func(r *Request) { r.IfMatch.Add(`"x" ` + tag) }, 400},
		{"swap nothing", func(r *Request) { r.IfMatch.Add("") }, 400},
		{"swap commas", func(r *Request) { r.IfMatch.Add(" , ") }, 400},
		{"not nothing", func(r *Request) { r.IfNoneMatch.Add("") }, 400},
		{"not one of 100", func(r *Request) { r.IfNoneMatch.Add(strings.Repeat(`"x",`, 99) + tag) }, 412},
		{"not one of 101", func(r *Request) { r.IfNoneMatch.Add(strings.Repeat(`"x",`, 100) + tag) }, 400},
		{"not this", func(r *Request) { r.IfNoneMatch.Add("W/" + tag) }, 412},
		{"swap", func(r *Request) { r.IfMatch.Add(`"x", ` + tag) }, 200},
		{"swap the old", func(r *Request) { r.IfMatch.Add(tag) }, 412},
		{"swap any", func(r *Request) { r.IfMatch.Add("*") }, 200},
	} {
		if resp := f.put("b", test.change); resp.Status != test.status {
			t.Errorf("%s: %d, want %d", test.name, resp.Status, test.status)
		}
	}
}

func TestConditionalAndPartialReads(t *testing.T) {
	f := newFixture(t, nil)
	tag := f.mustPut(t, "0123456789").ETag
	for _, test := range []struct {
		name         string
		r            Request
		status       int
		body         string
		contentRange string
	}{
		{"same", Request{IfNoneMatch: Field{true, tag}}, 304, "", ""},
		{"same, weak", Request{IfNoneMatch: Field{true, `"x",W/` + tag}}, 304, "", ""},
		{"any", Request{IfNoneMatch: Field{true, "*"}}, 304, "", ""},
		{"one of 100", Request{IfNoneMatch: Field{true, strings.Repeat(`"x",`, 99) + tag}}, 304, "", ""},
		{"one of 101", Request{IfNoneMatch: Field{true, strings.Repeat(`"x",`, 100) + tag}}, 200, "0123456789", ""},
		{"other", Request{IfNoneMatch: Field{true, `"x"`}}, 200, "0123456789", ""},
		{"nothing", Request{IfNoneMatch: Field{true, ""}}, 200, "0123456789", ""},
		{"malformed", Request{IfNoneMatch: Field{true, "x"}}, 200, "0123456789", ""},
		{"must be nothing", Request{IfMatch: Field{true, ""}}, 412, "", ""},
		{"must be", Request{IfMatch: Field{true, tag}}, 200, "0123456789", ""},
		{"must be another", Request{IfMatch: Field{true, `"x"`}}, 412, "", ""},
		{"first two", Request{Range: field("bytes=0-1")}, 206, "01", "bytes 0-1/10"},
		{"from", Request{Range: field("bytes=8-")}, 206, "89", "bytes 8-9/10"},
		{"last", Request{Range: field("bytes=-3")}, 206, "789", "bytes 7-9/10"},
		{"longer than all", Request{Range: field("bytes=5-100")}, 206, "56789", "bytes 5-9/10"},
		{"last more than all", Request{Range: field("bytes=-100")}, 206, "0123456789", "bytes 0-9/10"},
		{"outside", Request{Range: field("bytes=10-")}, 416, "", "bytes */10"},
		{"last none", Request{Range: field("bytes=-0")}, 416, "", "bytes */10"},
		{"two", Request{Range: field("bytes=0-1,4-5")}, 200, "0123456789", ""},
		{"reversed", Request{Range: field("bytes=3-2")}, 200, "0123456789", ""},
		{"other unit", Request{Range: field("lines=0-1")}, 200, "0123456789", ""},
		{"signs", Request{Range: field("bytes=+0-1")}, 200, "0123456789", ""},
		{"head", Request{Method: "HEAD", Range: field("bytes=0-1")}, 200, "0123456789", ""},
		{"if unchanged", Request{Range: field("bytes=0-1"), IfRange: field(tag)}, 206, "01", "bytes 0-1/10"},
		{"if changed", Request{Range: field("bytes=0-1"), IfRange: field(`"x"`)}, 200, "0123456789", ""},
	} {
		resp := f.get(test.r)
		if resp.Status != test.status || resp.ContentRange != test.contentRange {
			t.Errorf("%s: %d, Content-Range %q", test.name, resp.Status, resp.ContentRange)
		}
		if resp.Status < 300 && string(resp.Body) != test.body {
			t.Errorf("%s: body %q", test.name, resp.Body)
		}
	}
}

// TestEmptyIfRange sends an If-Range that names no version: the range is ignored.
func TestEmptyIfRange(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "hello")
	r := Request{Range: field("bytes=0-1")}
	if err := AddField(&r, "If-Range", ""); err != nil {
		t.Fatal(err)
	}
	if resp := f.get(r); resp.Status != 200 {
		t.Errorf("%d %s", resp.Status, resp.ContentRange)
	}
}

// TestRangeOfAnEmptyState sends a Range for an empty state, as some clients always do. They
// must get the state.
func TestRangeOfAnEmptyState(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "")
	for _, header := range []string{"bytes=0-", "bytes=0-0", "bytes=-5", "bytes=5-"} {
		if resp := f.get(Request{Range: field(header)}); resp.Status != 200 || resp.ContentRange != "" || len(resp.Body) != 0 {
			t.Errorf("%s: %+v", header, resp)
		}
	}
}

func TestFailedWriteIsLoggedAndToldShortly(t *testing.T) {
	f := newFixture(t, nil)
	f.mustPut(t, "hello")
	if err := f.disk.Close(); err != nil {
		t.Fatal(err)
	}
	resp := f.put("lost", func(r *Request) { r.ID = 0xabc })
	if resp.Status != 500 || strings.Contains(string(resp.Body), f.dir) || !strings.Contains(string(resp.Body), "0000000000000abc") {
		t.Errorf("%d %q", resp.Status, resp.Body)
	}
	f.expect(t, "hello")
	said := f.log.FilterMessage("POST failed with status 500").All()
	if len(said) != 1 || said[0].ContextMap()["request_id"] != "0000000000000abc" || said[0].ContextMap()["message_id"] != string(logging.WriteFailed) {
		t.Errorf("log holds %v", f.log.All())
	}
}

func unknown(cause error) error { return fmt.Errorf("%w: %w", state.ErrUnknownOutcome, cause) }

func unavailable(cause string) error { return fmt.Errorf("%w: %s", state.ErrUnavailable, cause) }

// A brokenStore is a store over a network that is interrupted.
type brokenStore struct{ read, replace error }

func (s brokenStore) Read(context.Context) (*state.Version, error) { return nil, s.read }

func (s brokenStore) Replace(context.Context, state.Condition, []byte) (*state.Version, error) {
	return nil, s.replace
}

func (s brokenStore) Check(context.Context) error { return s.read }

// TestStoreThatCannotBeReached keeps apart what has not happened and what may
// have: a client repeats the first, and asks about the second.
func TestStoreThatCannotBeReached(t *testing.T) {
	f := newFixture(t, nil)
	f.store = brokenStore{read: unavailable("10.0.0.1"), replace: unknown(errors.New("10.0.0.1"))}
	for _, path := range []string{"/", "/healthz"} {
		resp := f.Serve(context.Background(), &Request{Method: "GET", Path: path})
		if resp.Status != 503 || resp.RetryAfter == "" || resp.Close || !strings.Contains(string(resp.Body), "unchanged") {
			t.Errorf("GET %s: %+v", path, resp)
		}
	}
	resp := f.put("x", nil)
	if resp.Status != 504 || resp.RetryAfter != "" || !strings.Contains(string(resp.Body), "GET it and compare") || strings.Contains(string(resp.Body), "10.0.0.1") {
		t.Errorf("POST: %d %s", resp.Status, resp.Body)
	}
	if resp := f.Serve(context.Background(), &Request{Method: "OPTIONS", Path: "*"}); resp.Status != 200 {
		t.Errorf("OPTIONS *: %+v", resp)
	}
}

func TestStatusOfStorageErrors(t *testing.T) {
	for err, status := range map[error]int{
		state.ErrNoSpace:           507,
		state.ErrReadOnly:          500,
		state.ErrPrecondition:      412,
		state.ErrUnavailable:       503,
		state.ErrUnknownOutcome:    504,
		context.Canceled:           503,
		context.DeadlineExceeded:   503,
		errors.New("any other"):    500,
		unknown(context.Canceled):  504,
		unknown(state.ErrNoSpace):  504,
		unavailable("dial failed"): 503,
		fmt.Errorf("%w: %w", state.ErrUnavailable, context.DeadlineExceeded): 503,
	} {
		if got := errorResponse(&Request{}, err); got.Status != status {
			t.Errorf("%v: %d, want %d", err, got.Status, status)
		}
	}
}
