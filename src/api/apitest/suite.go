// Package apitest tests the API over a store of any kind, as testing/fstest tests
// file systems: the answers must be the same whatever the state is kept in.
//
// Read Test first. What only one kind of store has, such as its files or its calls,
// is tested by the package of the store.
package apitest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/src/access"
	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/credentials"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Test tests the API over the stores that open returns. Each is a store of its own
// without a state, which open has closed at the end of the test that it gets.
func Test(t *testing.T, open func(*testing.T) api.Store) {
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(dir, credentials.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{open: open, dir: dir, token: strings.TrimSpace(string(token))}
	for _, test := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"store and read", (*suite).testStoreAndRead},
		{"PUT that creates", (*suite).testPutThatCreates},
		{"paths and methods", (*suite).testPathsAndMethods},
		{"header", (*suite).testHeader},
		{"health", (*suite).testHealth},
		{"log", (*suite).testRefusalsAreLogged},
		{"access", (*suite).testAccess},
		{"body too large", (*suite).testTooLarge},
		{"body of unknown length", (*suite).testBodyOfUnknownLength},
		{"body that does not arrive", (*suite).testBodyThatDoesNotArrive},
		{"content of a write", (*suite).testContentOfAWrite},
		{"conditions", (*suite).testConditions},
		{"concurrent conditions", (*suite).testConcurrentConditions},
		{"conditional and partial reads", (*suite).testConditionalAndPartialReads},
		{"empty If-Range", (*suite).testEmptyIfRange},
		{"range of an empty state", (*suite).testRangeOfAnEmptyState},
		{"versions in memory", (*suite).testVersionsInMemory},
		{"small bodies", (*suite).testSmallBodies},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(s, t) })
	}
}

// A suite is what the tests share.
type suite struct {
	open  func(*testing.T) api.Store
	dir   string // of the credentials
	token string
}

// A fixture is an API over a store without a state.
type fixture struct {
	*api.API
	policy *access.Policy
	creds  *credentials.Store
	token  string
	log    *observer.ObservedLogs // of all levels
}

// newFixture returns an API with these limits, in bytes.
func (s *suite) newFixture(t *testing.T, limits api.Settings) *fixture {
	t.Helper()
	core, log := observer.New(zap.DebugLevel)
	f := &fixture{creds: credentials.NewStore(s.load(t, true)), token: s.token, log: log}
	f.policy = access.New(f.creds, config.Default().Access)
	f.API = api.New(s.open(t), f.policy, zap.New(core), limits)
	return f
}

// usual are limits that few tests reach.
var usual = api.Settings{State: 1000, Uploads: 1 << 20}

// load returns the credentials, with or without the token.
func (s *suite) load(t *testing.T, withToken bool) *credentials.Set {
	t.Helper()
	files := credentials.Files{Cert: filepath.Join(s.dir, credentials.CertFile), Key: filepath.Join(s.dir, credentials.KeyFile)}
	if withToken {
		files.Token = filepath.Join(s.dir, credentials.TokenFile)
	}
	set, err := credentials.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// field returns a header field that is present.
func field(value string) api.Field { return api.Field{Present: true, Value: value} }

// get reads the state, and the request says how.
func (f *fixture) get(t *testing.T, r api.Request) api.Response {
	t.Helper()
	r.Path = "/"
	if r.Method == "" {
		r.Method = "GET"
	}
	return f.Serve(t.Context(), &r)
}

// put writes body with the token. Change changes the request, if it is not nil.
func (f *fixture) put(t *testing.T, body string, change func(*api.Request)) api.Response {
	t.Helper()
	r := api.Request{Method: "POST", Path: "/", Authorization: field("Bearer " + f.token),
		Body: strings.NewReader(body), ContentLength: int64(len(body))}
	if change != nil {
		change(&r)
	}
	return f.Serve(t.Context(), &r)
}

// mustPut writes body, and returns its entity tag.
func (f *fixture) mustPut(t *testing.T, body string) string {
	t.Helper()
	resp := f.put(t, body, nil)
	if resp.Status != 200 || string(resp.Body) != "ok" {
		t.Fatalf("POST answers %d %q", resp.Status, resp.Body)
	}
	return resp.ETag
}

// expect requires a state.
func (f *fixture) expect(t *testing.T, want string) {
	t.Helper()
	r := api.Request{}
	r.Trusted = true
	if got := f.get(t, r); got.Status != 200 || string(got.Body) != want {
		t.Errorf("the state is %q with status %d, want %q", got.Body, got.Status, want)
	}
}
