package api

import (
	"context"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
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

// address returns 192.0.2.<host>.
func address(host byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 32)
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

// A crowdTest has a budget of 64 bytes: 2 are no crowd.
type crowdTest struct {
	*testing.T
	*budget
}

func newCrowdTest(t *testing.T) crowdTest {
	test := crowdTest{t, newBudget((*Request).closeConn)}
	test.limit.Store(64)
	return test
}

// add acquires a share of so many bytes for a request of 192.0.2.<host>. The key is the
// request, as it is for uploads.
func (t crowdTest) add(host byte, bytes int64) (*Request, *testConn) {
	t.Helper()
	r, c := connRequest()
	r.Address = address(host)
	if !t.acquire(r, r, bytes) {
		t.Fatalf("no room for %d bytes", bytes)
	}
	time.Sleep(time.Millisecond)
	return r, c
}

// want checks whether a request of 192.0.2.<host> gets so many bytes, and which
// connections are cut off for it.
func (t crowdTest) want(host byte, bytes int64, room bool, conns map[*testConn]bool) {
	t.Helper()
	r, _ := connRequest()
	r.Address = address(host)
	if got := t.acquire(r, r, bytes); got != room {
		t.Errorf("%d bytes for address %d: %v, want %v", bytes, host, got, room)
	}
	for c, cutOff := range conns {
		if c.cutOff != cutOff {
			t.Errorf("%d bytes for address %d: cut off %v, want %v", bytes, host, c.cutOff, cutOff)
		}
	}
}

// TestCrowdMakesRoom checks that one address whose requests are always young keeps
// no other out, and cannot cut off the slow requests of others.
func TestCrowdMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		_, slow := test.add(2, 4)
		time.Sleep(2 * minShareTime)
		_, oldest := test.add(1, 20)
		_, second := test.add(1, 20)
		_, third := test.add(1, 20)
		test.want(1, 1, false, map[*testConn]bool{slow: false, oldest: false, second: false, third: false})
		test.want(3, 16, true, map[*testConn]bool{slow: false, oldest: true, second: false, third: false})
		test.want(4, 8, true, map[*testConn]bool{slow: false, second: true, third: false})
	})
}

// TestLargestAddressMakesRoomFirst checks that the age counts only between the
// requests of addresses that hold the same.
func TestLargestAddressMakesRoomFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		_, old := test.add(1, 24)
		_, first := test.add(2, 20)
		_, second := test.add(2, 20)
		time.Sleep(2 * minShareTime)
		test.want(3, 1, true, map[*testConn]bool{old: false, first: true, second: false})
	})
}

// TestHalfOfTheBudgetIsNoCrowd checks that a request which has taken long makes room for
// every address that holds no more than half: else a few bytes of a client that sends no
// more would keep out the largest body.
func TestHalfOfTheBudgetIsNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		_, slow := test.add(1, 1)
		test.add(2, 32)
		time.Sleep(2 * minShareTime)
		again, _ := test.add(2, 0)
		if !test.acquire(again, again, 32) || !slow.cutOff {
			t.Error("a client that sends nothing more makes no room")
		}
	})
}

// TestEqualAddressesAreNoCrowd checks that no request is cut off in its first second
// for an address that would hold as much.
func TestEqualAddressesAreNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		_, first := test.add(1, 32)
		_, second := test.add(2, 31)
		test.want(2, 2, false, map[*testConn]bool{first: false, second: false})
	})
}

// TestSmallSharesAreNoCrowd checks that no address is a crowd whose part of the budget is
// small.
func TestSmallSharesAreNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		for host := range byte(32) {
			test.add(host, 2)
		}
		test.want(100, 1, false, nil)
	})
}

// TestVersionOfSeveralAddresses checks that a version of the state which a crowd reads
// with others is kept for them. The order of addresses in a map is random.
func TestVersionOfSeveralAddresses(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			test := newCrowdTest(t)
			read := func(host byte, version string) (*Request, *testConn) {
				r, c := connRequest()
				r.Address = address(host)
				if !test.acquire(version, r, 16) {
					t.Fatalf("address %d cannot read version %s", host, version)
				}
				time.Sleep(time.Millisecond)
				return r, c
			}
			_, crowdOfA := read(1, "a")
			reader, other := read(2, "a")
			_, crowdOfB := read(1, "b")
			read(1, "c")
			read(1, "d")
			read(3, "e")
			if other.cutOff || !crowdOfB.cutOff {
				t.Errorf("cut off: %v, %v", other.cutOff, crowdOfB.cutOff)
			}
			test.release("a", reader)
			read(4, "f")
			if !crowdOfA.cutOff {
				t.Error("a version that only the crowd reads was kept")
			}
		})
	}
}

// TestRequestIsCutOffOnce checks that a request which has not ended since it was cut off
// is not counted again.
func TestRequestIsCutOffOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cutOff := 0
		test := crowdTest{t, newBudget(func(*Request) { cutOff++ })}
		test.limit.Store(64)
		for host := range byte(4) {
			test.add(host, 40)
			time.Sleep(2 * minShareTime)
		}
		if cutOff != 3 {
			t.Errorf("3 requests were cut off %d times", cutOff)
		}
	})
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
	second.Address = address(1)
	if !b.keep(first) || b.acquire(second, second, 3) || firstConn.cutOff {
		t.Error("a share that is kept was cut off")
	}
}
