package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"foobar/src/access"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/logging"
	"foobar/src/state"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// fixture is an API over the disk, for what is not seen from outside of the package.
// Package apitest has the rest.
type fixture struct {
	*API
	disk *state.Store
	dir  string
	log  *observer.ObservedLogs
}

func newFixture(t *testing.T, change func(*Settings)) *fixture {
	t.Helper()
	dir := t.TempDir()
	store, err := state.Open(state.Options{
		Dir: dir, CheckpointDelay: time.Second,
		OnCommit: func(time.Duration, time.Duration, int) {}, Log: func(string, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	settings := Settings{State: 1000, Uploads: 1 << 20}
	if change != nil {
		change(&settings)
	}
	core, log := observer.New(zap.InfoLevel)
	policy := access.New(credentials.NewStore(&credentials.Set{}), config.Default().Access)
	return &fixture{API: New(store, policy, zap.New(core), settings), disk: store, dir: dir, log: log}
}

// put writes body.
func (f *fixture) put(body string, change func(*Request)) Response {
	r := Request{Method: "POST", Path: "/", Body: strings.NewReader(body), ContentLength: int64(len(body))}
	r.Trusted = true
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

func (f *fixture) expect(t *testing.T, want string) {
	t.Helper()
	if got := f.Serve(t.Context(), &Request{Method: "GET", Path: "/"}); string(got.Body) != want {
		t.Errorf("state is %q, want %q", got.Body, want)
	}
	if f.uploads.used != 0 || f.uploads.count() != 0 {
		t.Errorf("%d bytes of the upload budget are lost", f.uploads.used)
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
