package api

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// A testConn notes why it was cut off.
type testConn struct{ reason string }

func (c *testConn) CutOff(reason string) { c.reason = reason }

func request() (*Request, *testConn) {
	c := &testConn{}
	return &Request{Method: "GET", Path: "/", Client: Client{Conn: c}}, c
}

// age lets each share be older than minShareTime, the older the earlier it is now.
func (b *budget) age() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.shares {
		s.since = s.since.Add(-time.Hour)
	}
}

func TestBudgetCutsOffTheOldest(t *testing.T) {
	b := newBudget("test")
	b.setLimit(10)
	first, firstConn := request()
	again, againConn := request()
	second, secondConn := request()
	b.acquire("old", first, 4)
	b.age()
	b.acquire("old", again, 4)
	b.acquire("new", second, 6)
	b.age()
	late, lateConn := request()
	if !b.acquire("late", late, 3) || b.used != 9 {
		t.Errorf("no room, or %d bytes in use", b.used)
	}
	if firstConn.reason != "test" || againConn.reason != "test" || secondConn.reason != "" || lateConn.reason != "" {
		t.Errorf("cut off: %q, %q, %q, %q", firstConn.reason, againConn.reason, secondConn.reason, lateConn.reason)
	}
	for key, r := range map[string]*Request{"old": first, "new": second, "late": late} {
		b.release(key, r)
	}
	if b.used != 0 || b.count() != 0 {
		t.Errorf("%d bytes are lost", b.used)
	}
}

func TestBudgetRefusesWhereNoneIsOld(t *testing.T) {
	b := newBudget("test")
	b.setLimit(10)
	first, firstConn := request()
	second, _ := request()
	b.acquire("first", first, 8)
	if b.acquire("second", second, 3) || firstConn.reason != "" {
		t.Error("a share that has just begun was cut off")
	}
	b.age()
	if b.acquire("first", first, 11) {
		t.Error("the oldest share has grown beyond the limit")
	}
	if !b.acquire("second", second, 11) {
		t.Error("a share has no room although it is alone")
	}
}

// TestSlowReadersKeepFewVersions checks that a client which reads nothing of each
// version does not keep all of them in memory.
func TestSlowReadersKeepFewVersions(t *testing.T) {
	const size = 2 * maxCopied
	f := newFixture(t, func(s *Settings) { s.State = size })
	var conns []*testConn
	read := func() Response {
		f.mustPut(t, strings.Repeat(string(rune('a'+len(conns))), size))
		r, c := request()
		conns = append(conns, c)
		return f.Serve(context.Background(), r)
	}
	for range MaxVersions {
		if resp := read(); resp.Status != 200 || resp.Done == nil {
			t.Fatalf("%d, or no Done", resp.Status)
		}
	}
	if resp := read(); resp.Status != 503 || resp.RetryAfter == "" {
		t.Errorf("a version too many: %d", resp.Status)
	}
	f.reads.age()
	last := read()
	if last.Status != 200 || conns[0].reason != "versions" || conns[1].reason != "" || f.Versions() != MaxVersions {
		t.Errorf("%d; cut off: %q, %q; %d versions", last.Status, conns[0].reason, conns[1].reason, f.Versions())
	}
	last.Done()
	if f.Versions() != MaxVersions-1 {
		t.Errorf("%d versions after Done", f.Versions())
	}
}

// TestSmallBodiesPinNothing checks that a range keeps no version in memory, and
// that HEAD does not.
func TestSmallBodiesPinNothing(t *testing.T) {
	f := newFixture(t, func(s *Settings) { s.State = 4 * maxCopied })
	f.mustPut(t, strings.Repeat("x", 4*maxCopied))
	resp := f.get(Request{Range: "bytes=0-16383"})
	if len(resp.Body) != maxCopied || cap(resp.Body) > 2*maxCopied || resp.Done != nil {
		t.Errorf("a range of %d bytes keeps %d", len(resp.Body), cap(resp.Body))
	}
	if resp := f.get(Request{Range: "bytes=0-16384"}); resp.Status != 206 || resp.Done == nil || f.Versions() != 1 {
		t.Errorf("a larger range: %d, %d versions", resp.Status, f.Versions())
	}
	if resp := f.get(Request{Method: "HEAD"}); resp.Done != nil {
		t.Error("HEAD counts as reading")
	}
}

// startUpload sends a part of a body of the announced length. The body ends with
// the returned function.
func (f *fixture) startUpload(t *testing.T, part, length int) (conn *testConn, end func(error) Response) {
	t.Helper()
	body, feed := io.Pipe()
	conn = &testConn{}
	done := make(chan Response, 1)
	go func() {
		done <- f.put("", func(r *Request) { r.Body, r.ContentLength, r.Conn = body, int64(length), conn })
	}()
	arrived := make(chan struct{})
	go func() {
		feed.Write(make([]byte, part))
		close(arrived)
	}()
	select {
	case <-arrived:
	case resp := <-done:
		t.Fatalf("an upload of %d of %d bytes: %d", part, length, resp.Status)
	}
	return conn, func(err error) Response {
		feed.CloseWithError(err)
		return <-done
	}
}

// TestAnnouncedBytesTakeNoRoom checks that uploads which announce all of
// limits.uploads and send nothing keep nobody from writing.
func TestAnnouncedBytesTakeNoRoom(t *testing.T) {
	f := newFixture(t, func(s *Settings) { s.State, s.Uploads = 1<<20, 1<<20 })
	for _, part := range []int{0, 1} {
		for range 4 {
			_, end := f.startUpload(t, part, 1<<20)
			defer end(io.ErrUnexpectedEOF)
		}
	}
	if resp := f.put(strings.Repeat("x", 1<<20), nil); resp.Status != 200 {
		t.Errorf("an upload: %d %s", resp.Status, resp.Body)
	}
}

func TestUploadsShareABudget(t *testing.T) {
	for _, length := range []int{1 << 20, -1} {
		f := newFixture(t, func(s *Settings) { s.State, s.Uploads = 1<<20, 1<<20+1 })
		slow, end := f.startUpload(t, 1<<19+1, length)
		if resp := f.put(strings.Repeat("y", 1<<10), nil); resp.Status != 200 {
			t.Errorf("a small upload: %+v", resp)
		}
		if resp := f.put(strings.Repeat("y", 1<<13), nil); resp.Status != 503 || resp.RetryAfter == "" || slow.reason != "" {
			t.Errorf("an upload beyond the budget: %d, cut off %q", resp.Status, slow.reason)
		}
		f.uploads.age()
		if resp := f.put(strings.Repeat("z", 1<<13), nil); resp.Status != 200 || slow.reason != "uploads" {
			t.Errorf("beside an old upload: %d, cut off %q", resp.Status, slow.reason)
		}
		if resp := end(io.ErrUnexpectedEOF); resp.Status != 400 {
			t.Errorf("the upload that was cut off: %d", resp.Status)
		}
		f.expect(t, strings.Repeat("z", 1<<13))
	}
}
