package connlimit

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// requestCount counts the requests in progress.
func requestCount(w Wait) int {
	if w.Phase == Active {
		return max(w.Streams, 1)
	}
	return 0
}

// A crowdTest has a quota of 128 requests: 32 is a crowd, 4 is none.
type crowdTest struct {
	*testing.T
	set   Set
	quota *Quota
}

func newCrowdTest(t *testing.T) *crowdTest {
	c := &crowdTest{T: t}
	c.quota = NewQuota(&c.set, requestCount)
	c.quota.SetLimit(128)
	return c
}

// add adds a connection of 192.0.2.<host> with so many requests, which began that long ago.
func (t *crowdTest) add(host byte, requests int, age time.Duration) *testConn {
	c := &testConn{address: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 32)}
	c.wait = Wait{Phase: Active, Streams: requests, Since: time.Now().Add(-age)}
	t.set.Add(c)
	for range requests {
		t.quota.Acquire(c)
	}
	return c
}

// want acquires one more, and compares the connection that makes room for it. The
// newcomer itself is a refusal.
func (t *crowdTest) want(newcomer, evicted *testConn) {
	t.Helper()
	if got := t.quota.Acquire(newcomer); got != Conn(evicted) {
		t.Errorf("evicted %+v, want %+v", got, evicted)
	}
}

// TestQuotaClosesLongestRequest checks that a request beyond limits.requests takes
// the place of one that has taken longer than minActive, or is refused.
func TestQuotaClosesLongestRequest(t *testing.T) {
	s := &Set{}
	q := NewQuota(s, requestCount)
	q.SetLimit(1)
	slow := addWaiting(s, Active, time.Now())
	q.Acquire(slow)
	addWaiting(s, Idle, time.Now().Add(-time.Hour)) // holds no request
	newcomer := &testConn{}
	if c := q.Acquire(newcomer); c != Conn(newcomer) {
		t.Errorf("beyond the limit, with a request that has just begun: %v", c)
	}
	slow.wait.Since = time.Now().Add(-time.Minute)
	q.queue.searched = time.Time{}
	if c := q.Acquire(newcomer); c != Conn(slow) {
		t.Errorf("beyond the limit, with a slow request: %v", c)
	}
}

// TestCrowdOfYoungRequestsMakesRoom checks that one address whose requests are
// always young does not keep others out, and cannot close their slow requests.
func TestCrowdOfYoungRequestsMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		oldest := test.add(1, 32, 500*time.Millisecond)
		second := test.add(1, 32, 400*time.Millisecond)
		newest := test.add(1, 32, 100*time.Millisecond)
		slow := test.add(2, 4, time.Minute)
		test.add(3, 28, 600*time.Millisecond) // older, but fewer
		newcomer := test.add(4, 0, 0)

		test.want(newest, newest)      // of the crowd: no request is closed for its own
		test.want(newcomer, slow)      // slow requests come first, as without a crowd
		second.wait.Since = time.Now() // requests that were reset and sent again
		time.Sleep(2 * searchInterval)
		test.want(newcomer, oldest)
		newest.wait.Since = time.Now() // after the search
		test.want(newcomer, newest)
	})
}

// TestEqualAddressesAreNoCrowd checks that young requests of an address are kept
// unless it holds more than twice as much as the newcomer's.
func TestEqualAddressesAreNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		test.add(1, 76, 0)
		second := test.add(2, 52, 0)
		test.want(second, second)
	})
}

// TestYoungRequestsOfManyAreKept checks that no address is a crowd whose share of the
// limit is small.
func TestYoungRequestsOfManyAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		for host := range byte(32) {
			test.add(host, 4, 0)
		}
		newcomer := test.add(100, 0, 0)
		newcomer.wait.Phase = Idle // its address holds nothing
		test.want(newcomer, newcomer)
	})
}

// TestHalfOfTheLimitIsNoCrowd checks that a slow request makes room for every address
// that holds no more than half of the limit: else one that is never answered would keep
// its place beside a busy proxy.
func TestHalfOfTheLimitIsNoCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		slow := test.add(1, 1, time.Minute)
		half := test.add(2, 64, 0)
		for host := range byte(21) {
			test.add(100+host, 3, 0)
		}
		test.want(half, slow)
	})
}

// TestNewcomerClosesAnother checks that a connection does not make room for a further
// request of its own, although it has waited the longest.
func TestNewcomerClosesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		longest := test.add(1, 64, time.Hour)
		second := test.add(1, 64, time.Minute)
		test.want(longest, second)
	})
}

// TestCrowdOfYoungConnectionsMakesRoom checks the limit of connections in the same way.
func TestCrowdOfYoungConnectionsMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		test.set.SetLimits(4, 0)
		oldest := test.add(1, 1, time.Millisecond)
		for range 3 {
			test.add(1, 1, 0)
		}
		if got, refusal := test.set.Add(&testConn{address: oldest.address}); got != nil || refusal != ReasonConnections {
			t.Errorf("one more of the crowd: evicted %+v, refused %q", got, refusal)
		}
		time.Sleep(2 * searchInterval)
		if got, refusal := test.set.Add(&testConn{}); got != Conn(oldest) || refusal != "" {
			t.Errorf("a connection of another address: evicted %+v, refused %q", got, refusal)
		}
	})
}

// A countingConn counts how often a search has looked at it.
type countingConn struct {
	testConn
	searches int
}

func (c *countingConn) Wait() Wait {
	c.searches++
	return c.testConn.Wait()
}

// TestSearchesAreBounded checks that an attacker who keeps every connection busy
// does not make the server search for each new request.
func TestSearchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		test := newCrowdTest(t)
		idle := &countingConn{testConn: testConn{wait: Wait{Phase: Idle}}}
		test.set.Add(idle)
		for range 4 * evictionBatch {
			test.add(1, 1, 0)
		}
		crowd := test.add(1, 0, 0)
		for range 1000 {
			test.want(crowd, crowd)
		}
		if idle.searches > 1 {
			t.Errorf("%d searches for 1000 requests of a crowd", idle.searches)
		}
		for range evictionBatch {
			if test.quota.Acquire(idle) == Conn(idle) {
				t.Fatal("no room beside a crowd")
			}
		}
		if idle.searches > 1 {
			t.Errorf("%d searches for %d evictions", idle.searches, evictionBatch)
		}
		if test.quota.Acquire(idle) == Conn(idle) || idle.searches != 2 {
			t.Errorf("after a batch of evictions, the next search is late: %d searches", idle.searches)
		}
	})
}
