package api

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"foobar/src/request"
)

// A testConn notes that it was cut off.
type testConn struct{ cutOff bool }

func (c *testConn) CutOff() { c.cutOff = true }

func connRequest() (*Request, *testConn) {
	c := &testConn{}
	return &Request{Method: "GET", Path: "/", Client: request.Client{Conn: c}}, c
}

// age makes each share older than minShareTime, in the same order.
func (b *budget) age() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.shares {
		s.since = s.since.Add(-time.Hour)
	}
}

func TestBudgetCutsOffTheOldest(t *testing.T) {
	b := newBudget((*Request).closeConn)
	b.limit.Store(10)
	first, firstConn := connRequest()
	again, againConn := connRequest()
	second, secondConn := connRequest()
	b.acquire("old", first, 4)
	b.age()
	b.acquire("old", again, 4)
	b.acquire("new", second, 6)
	b.age()
	late, lateConn := connRequest()
	if !b.acquire("late", late, 3) || b.used != 9 {
		t.Errorf("no room, or %d bytes in use", b.used)
	}
	if !firstConn.cutOff || !againConn.cutOff || secondConn.cutOff || lateConn.cutOff {
		t.Errorf("cut off: %v, %v, %v, %v", firstConn, againConn, secondConn, lateConn)
	}
	if b.acquire("old", again, 1) || b.keep("old") {
		t.Error("a share that was cut off is used further")
	}
	b.release("old", first)
	for key, r := range map[string]*Request{"old": again, "new": second, "late": late} {
		b.release(key, r)
	}
	if b.used != 0 || b.count() != 0 {
		t.Errorf("%d bytes are lost", b.used)
	}
}

func TestBudgetRefusesWhereNoneIsOld(t *testing.T) {
	b := newBudget((*Request).closeConn)
	b.limit.Store(10)
	first, firstConn := connRequest()
	second, _ := connRequest()
	b.acquire("first", first, 8)
	if b.acquire("second", second, 3) || firstConn.cutOff {
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

// TestNewRequestKeepsAnOldShare checks that a request is not cut off in its first
// second, although others have had the share for longer.
func TestNewRequestKeepsAnOldShare(t *testing.T) {
	b := newBudget((*Request).closeConn)
	b.limit.Store(10)
	first, _ := connRequest()
	again, againConn := connRequest()
	second, _ := connRequest()
	b.acquire("old", first, 8)
	b.age()
	b.acquire("old", again, 8)
	if b.acquire("new", second, 8) || againConn.cutOff {
		t.Error("a request that has just begun was cut off")
	}
	b.age()
	b.acquire("old", again, 9)
	if !b.acquire("new", second, 8) || !againConn.cutOff {
		t.Error("a share that has grown is new again")
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
		r, c := connRequest()
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
	if last.Status != 200 || !conns[0].cutOff || conns[1].cutOff || f.Versions() != MaxVersions+1 {
		t.Errorf("%d; cut off: %v, %v; %d versions", last.Status, conns[0], conns[1], f.Versions())
	}
	last.Done()
	if f.Versions() != MaxVersions {
		t.Errorf("%d versions after Done", f.Versions())
	}
}

// startUpload sends a part of a body of the announced length. The response follows
// when the upload is interrupted, or when the returned function ends the body.
func (f *fixture) startUpload(t *testing.T, part, length int) (done chan Response, end func()) {
	t.Helper()
	body, feed := io.Pipe()
	done = make(chan Response, 1)
	go func() {
		done <- f.put("", func(r *Request) {
			r.Body, r.ContentLength = body, int64(length)
			r.Interrupt = func() { body.CloseWithError(os.ErrDeadlineExceeded) }
		})
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
	return done, func() { feed.CloseWithError(io.ErrUnexpectedEOF) }
}

// TestAnnouncedBytesTakeNoRoom checks that uploads which announce all of
// limits.uploads and send nothing keep nobody from writing.
func TestAnnouncedBytesTakeNoRoom(t *testing.T) {
	f := newFixture(t, func(s *Settings) { s.State, s.Uploads = 1<<20, 1<<20 })
	for _, part := range []int{0, 1} {
		for range 4 {
			_, end := f.startUpload(t, part, 1<<20)
			defer end()
		}
	}
	if resp := f.put(strings.Repeat("x", 1<<20), nil); resp.Status != 200 {
		t.Errorf("an upload: %d %s", resp.Status, resp.Body)
	}
}

// TestLargestBodyFitsBudget checks that the smallest limits.uploads, which is
// limits.state, has room for a body whose length is not announced.
func TestLargestBodyFitsBudget(t *testing.T) {
	f := newFixture(t, func(s *Settings) { s.State, s.Uploads = 100_000, 100_000 })
	for size, want := range map[int]int{65_536: 200, 100_000: 200, 100_001: 413} {
		resp := f.put(strings.Repeat("x", size), func(r *Request) { r.ContentLength = -1 })
		if resp.Status != want {
			t.Errorf("%d bytes: %d %s", size, resp.Status, resp.Body)
		}
	}
}

func TestUploadsShareABudget(t *testing.T) {
	for _, length := range []int{1 << 20, -1} {
		f := newFixture(t, func(s *Settings) { s.State, s.Uploads = 1<<20, 1<<20 })
		slow, _ := f.startUpload(t, 1<<19+1, length)
		if resp := f.put(strings.Repeat("y", 1<<10), nil); resp.Status != 200 {
			t.Errorf("a small upload: %+v", resp)
		}
		if resp := f.put(strings.Repeat("y", 1<<13), nil); resp.Status != 503 || resp.RetryAfter == "" || len(slow) != 0 {
			t.Errorf("an upload beyond the budget: %d", resp.Status)
		}
		f.uploads.age()
		if resp := f.put(strings.Repeat("z", 1<<13), nil); resp.Status != 200 {
			t.Errorf("beside an old upload: %d", resp.Status)
		}
		if resp := <-slow; resp.Status != 503 || resp.RetryAfter == "" || !resp.Close {
			t.Errorf("the old upload: %+v", resp)
		}
		f.expect(t, strings.Repeat("z", 1<<13))
	}
}

// TestWholeBodyIsNotCutOff checks that an upload whose body has arrived is stored.
func TestWholeBodyIsNotCutOff(t *testing.T) {
	b := newBudget((*Request).closeConn)
	b.limit.Store(10)
	first, firstConn := connRequest()
	second, _ := connRequest()
	b.acquire(first, first, 8)
	b.age()
	if !b.keep(first) || b.acquire(second, second, 3) || firstConn.cutOff {
		t.Error("a share that is kept was cut off")
	}
}
