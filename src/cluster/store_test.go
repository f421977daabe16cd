package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/src/config"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/service"
	"foobar/src/state"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// lost is the error of a call whose answer was lost with its connection.
var lost = status.Error(codes.Unavailable, "transport is closing")

func (f *fixture) write(t *testing.T, text string, c state.Condition) error {
	t.Helper()
	_, err := f.Replace(t.Context(), c, []byte(text))
	return err
}

func (f *fixture) expect(t *testing.T, want string) {
	t.Helper()
	v, err := f.Read(t.Context())
	if err != nil || v == nil || string(v.Data) != want {
		t.Errorf("the state is %v, error %v, want %q", v, err, want)
	}
}

func is(text string) state.Condition {
	return func(v *state.Version) bool { return v != nil && string(v.Data) == text }
}

// foreign returns the record of another service.
func foreign(text string) []byte {
	v := state.NewVersion([]byte(text))
	v.Modified = time.Now()
	return encode(v, newID())
}

func TestReadAndReplace(t *testing.T) {
	f := newFixture(t)
	if v, err := f.Read(t.Context()); v != nil || err != nil {
		t.Errorf("before the first write: %v, %v", v, err)
	}
	v, err := f.Replace(t.Context(), func(v *state.Version) bool { return v == nil }, []byte("a"))
	if err != nil || !v.First || v.ETag != state.NewVersion([]byte("a")).ETag {
		t.Fatalf("%+v, %v", v, err)
	}
	f.expect(t, "a")
	f.member.put(foreign("b"))
	f.expect(t, "b")
	if err := f.write(t, "c", is("a")); !errors.Is(err, state.ErrPrecondition) {
		t.Errorf("over another version: %v", err)
	}
	if err := f.write(t, "c", is("b")); err != nil {
		t.Error(err)
	}
	f.expect(t, "c")
	if err := f.Check(t.Context()); err != nil || !strings.Contains(f.Status(), "state of 1 bytes") {
		t.Errorf("%v, %s", err, f.Status())
	}
}

// TestDeletedKey has no state, whatever the store has seen.
func TestDeletedKey(t *testing.T) {
	f := newFixture(t)
	f.write(t, "a", nil)
	f.expect(t, "a")
	f.member.mu.Lock()
	f.member.history = append(f.member.history, nil)
	f.member.mu.Unlock()
	f.expectNone(t)
	if err := f.write(t, "b", func(v *state.Version) bool { return v == nil }); err != nil {
		t.Error(err)
	}
	f.expect(t, "b")
}

// TestReadDoesNotShareAnEarlierCall begins a read after a write, while a call is in
// progress that has read before the write.
func TestReadDoesNotShareAnEarlierCall(t *testing.T) {
	f := newFixture(t)
	f.write(t, "a", nil)
	f.holdRead(t)
	f.member.put(foreign("b"))
	var group sync.WaitGroup
	group.Go(func() { f.expect(t, "b") })
	s := f.Store.(*Store).session.Load()
	waitFor(t, func() bool { return s.reads.Callers.Load() == 2 })
	f.member.answers.Unlock()
	group.Wait()
}

// TestCloseDuringRead closes the store while a read that has its answer takes note of it.
func TestCloseDuringRead(t *testing.T) {
	f := newFixture(t)
	f.write(t, "a", nil)
	f.holdRead(t)
	s := f.Store.(*Store).session.Load()
	s.mu.Lock()
	f.member.answers.Unlock()
	time.Sleep(50 * time.Millisecond) // until the answer has arrived
	closed := make(chan struct{})
	go func() {
		f.Close()
		close(closed)
	}()
	time.Sleep(50 * time.Millisecond) // until Close waits for the read
	s.mu.Unlock()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for a read that waits for Close")
	}
}

// TestRefusalIsConfirmed judges a condition against what the key has, and not against
// what the store has seen last.
func TestRefusalIsConfirmed(t *testing.T) {
	f := newFixture(t)
	f.write(t, "a", nil)
	f.member.put(foreign("b"))
	if err := f.write(t, "c", is("b")); err != nil {
		t.Error(err)
	}
}

func TestLostAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		intercept func(f *fixture, apply func()) error
		want      error
		state     string
	}{
		"applied":     {func(_ *fixture, apply func()) error { apply(); return lost }, nil, "new"},
		"not applied": {func(*fixture, func()) error { return lost }, nil, "new"},
		"applied, then others": {func(f *fixture, apply func()) error {
			apply()
			for i := range 9 {
				f.member.putLocked(foreign(fmt.Sprint("later", i)))
			}
			return lost
		}, nil, "later8"},
		"others instead": {func(f *fixture, _ func()) error {
			for i := range 9 {
				f.member.putLocked(foreign(fmt.Sprint("later", i)))
			}
			return lost
		}, state.ErrPrecondition, "later8"},
		"applied, then others, compacted": {func(f *fixture, apply func()) error {
			apply()
			f.member.putLocked(foreign("later1"))
			f.member.putLocked(foreign("later2"))
			f.member.compacted = 4
			return lost
		}, state.ErrUnknownOutcome, "later2"},
		"applied, deleted, made again": {func(f *fixture, apply func()) error {
			apply()
			f.member.history = append(f.member.history, nil)
			f.member.putLocked(foreign("again"))
			return lost
		}, state.ErrUnknownOutcome, "again"},
		"applied, no answer":     {func(_ *fixture, apply func()) error { apply(); return errNoAnswer }, nil, "new"},
		"not applied, no answer": {func(*fixture, func()) error { return errNoAnswer }, nil, "new"},
		"no answer, others instead": {func(f *fixture, _ func()) error {
			f.member.putLocked(foreign("other"))
			return errNoAnswer
		}, state.ErrPrecondition, "other"},
		"no answer, then rejected": {func(f *fixture, apply func()) error {
			apply()
			f.member.intercept = func(func()) error { return rpctypes.ErrGRPCNoSpace }
			return errNoAnswer
		}, state.ErrUnknownOutcome, "new"},
		"all rejected, the first one late": {func(f *fixture, _ func()) error {
			f.member.intercept = func(func()) error { f.member.intercept = nil; return rpctypes.ErrGRPCNoSpace }
			return errRejectedLate
		}, state.ErrNoSpace, "old"},
		"no leader": {func(*fixture, func()) error { return rpctypes.ErrGRPCNoLeader }, nil, "new"},
		"no space": {func(f *fixture, _ func()) error {
			f.member.intercept = func(func()) error { return rpctypes.ErrGRPCNoSpace }
			return rpctypes.ErrGRPCNoSpace
		}, state.ErrNoSpace, "old"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.oneTry(t)
			f.member.put(foreign("old")) // a write could have another call on its way
			f.expect(t, "old")
			f.member.once(func(apply func()) error { return test.intercept(f, apply) })
			if err := f.write(t, "new", is("old")); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			f.expect(t, test.state)
			applied := 0
			for _, kv := range f.member.history {
				if kv != nil {
					if v, _, err := decode(kv.Value); err == nil && string(v.Data) == "new" {
						applied++
					}
				}
			}
			if applied > 1 {
				t.Errorf("the write was applied %d times", applied)
			}
		})
	}
}

// oneTry lets a try take as long as all tries, so that a call without an answer fails
// unless it is made again beside the first one.
func (f *fixture) oneTry(t *testing.T) {
	t.Helper()
	f.config.Cluster.TryTimeout = f.config.Cluster.Timeout
	if err := f.Apply(f.config); err != nil {
		t.Fatal(err)
	}
}

// TestReadWithoutAnAnswer asks again.
func TestReadWithoutAnAnswer(t *testing.T) {
	f := newFixture(t)
	f.oneTry(t)
	f.write(t, "a", nil)
	f.member.mu.Lock()
	f.member.lostRanges = 2
	f.member.mu.Unlock()
	f.expect(t, "a")
}

// TestWriteThatIsNotSent tells the client that nothing has changed, and keeps its word.
func TestWriteThatIsNotSent(t *testing.T) {
	f := newFixture(t)
	f.write(t, "old", nil)
	f.member.server.Stop()
	// A write could be sent on the connection that is being closed.
	if _, err := f.Read(t.Context()); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	start := time.Now()
	if err := f.write(t, "new", nil); !errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrUnknownOutcome) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took < 2*time.Second || took > 3*time.Second {
		t.Errorf("the write took %v", took)
	}
	if f.log.FilterField(eventUnavailable.Field()).Len() != 1 || !strings.Contains(f.Status(), "NOT CONFIRMED") || f.Check(t.Context()) == nil {
		t.Errorf("%s\n%v", f.Status(), f.log.All())
	}
}

// TestWriteWithoutAnAnswer is sent, and its member does not answer.
func TestWriteWithoutAnAnswer(t *testing.T) {
	f := newFixture(t)
	f.expectNone(t)
	f.member.gate.Lock()
	err := f.write(t, "new", nil)
	f.member.gate.Unlock()
	if !errors.Is(err, state.ErrUnknownOutcome) {
		t.Errorf("error %v", err)
	}
}

func (f *fixture) expectNone(t *testing.T) {
	t.Helper()
	if v, err := f.Read(t.Context()); v != nil || err != nil {
		t.Errorf("state %v, error %v", v, err)
	}
}

func TestRejectedCalls(t *testing.T) {
	f := newFixture(t)
	f.member.mu.Lock()
	f.member.intercept = func(func()) error { return rpctypes.ErrGRPCPermissionDenied }
	f.member.mu.Unlock()
	var e *storeError
	if err := f.write(t, "x", nil); !errors.As(err, &e) || e.Event() != eventDenied {
		t.Errorf("error %v", err)
	}
	f.member.mu.Lock()
	f.member.rangeError = rpctypes.ErrGRPCPermissionDenied
	f.member.mu.Unlock()
	if _, err := f.Read(t.Context()); !errors.As(err, &e) || errors.Is(err, state.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

// TestReadsShareCalls lets many reads wait for one call: they need one more.
func TestReadsShareCalls(t *testing.T) {
	f := newFixture(t)
	f.stopMonitor()
	f.write(t, "a", nil)
	f.member.gate.Lock()
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() { f.expect(t, "a") })
	}
	s := f.Store.(*Store).session.Load()
	waitFor(t, func() bool { return s.reads.Callers.Load() == 100 })
	before, _ := f.member.calls()
	f.member.gate.Unlock()
	group.Wait()
	if after, _ := f.member.calls(); after-before > 20 { // hedged calls among them, on a busy machine
		t.Errorf("%d calls for 100 reads", after-before)
	}
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 s")
		}
		<-time.After(time.Millisecond)
	}
}

// TestWritesShareTransactions has conditions that hold for one order of the writes
// only.
func TestWritesShareTransactions(t *testing.T) {
	f := newFixture(t)
	f.write(t, "0", nil)
	var group sync.WaitGroup
	results := make([]error, 64)
	f.member.gate.Lock()
	_, before := f.member.calls()
	for i := range results {
		group.Go(func() { results[i] = f.write(t, fmt.Sprint(i+1), is("0")) })
	}
	f.member.gate.Unlock()
	group.Wait()
	if _, after := f.member.calls(); after-before > len(results)/2 {
		t.Errorf("%d transactions for %d writes", after-before, len(results))
	}
	won := slices.IndexFunc(results, func(err error) bool { return err == nil })
	if won < 0 {
		t.Fatal("no write has happened")
	}
	for i, err := range results {
		if i != won && !errors.Is(err, state.ErrPrecondition) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	f.expect(t, fmt.Sprint(won+1))
}

// TestCallersShareEachCall has callers that begin again some time after they have their
// result. All of them share each call, and do not split into two groups that take turns.
func TestCallersShareEachCall(t *testing.T) {
	const callers, rounds = 16, 20
	for name, op := range map[string]func(f *fixture) error{
		"reads":  func(f *fixture) error { _, err := f.Read(t.Context()); return err },
		"writes": func(f *fixture) error { return f.write(t, "a", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.write(t, "a", nil)
			f.member.latency.Store(int64(20 * time.Millisecond))
			ranges, txns := f.member.calls()
			var group sync.WaitGroup
			for i := range callers {
				group.Go(func() {
					for range rounds {
						time.Sleep(time.Duration(i) * 200 * time.Microsecond)
						if err := op(f); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			rangesAfter, txnsAfter := f.member.calls()
			if calls := max(rangesAfter-ranges, txnsAfter-txns); calls > rounds*7/4 { // some more on a busy machine
				t.Errorf("%d calls for %d times %d callers", calls, rounds, callers)
			}
		})
	}
}

// TestRestoredSnapshot turns the history back. Each way must be noticed by one read.
func TestRestoredSnapshot(t *testing.T) {
	for name, restore := range map[string]func(*member){
		"lower revision": func(m *member) { m.history = m.history[:3] },
		"same revision, other cluster": func(m *member) {
			m.header.ClusterId = 2
			m.history = append(m.history[:3:3], m.history[2], m.history[2])
		},
		"higher revision, other leader": func(m *member) {
			m.header.RaftTerm = 3
			m.history = append(m.history[:3:3], slices.Repeat([]*mvccpb.KeyValue{m.history[2]}, 9)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for _, text := range []string{"early", "late1", "late2"} {
				if err := f.write(t, text, nil); err != nil {
					t.Fatal(err)
				}
			}
			f.member.mu.Lock()
			restore(f.member)
			f.member.mu.Unlock()
			f.expect(t, "early")
			if name != "higher revision, other leader" && f.log.FilterField(eventRewound.Field()).Len() != 1 {
				t.Errorf("the log has %v", f.log.All())
			}
			if err := f.write(t, "new", is("late2")); !errors.Is(err, state.ErrPrecondition) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestCallsAcrossARestoredSnapshot ends calls that began before a snapshot was restored:
// what they have found must not be learned, in whatever order they end.
func TestCallsAcrossARestoredSnapshot(t *testing.T) {
	early := &entry{version: state.NewVersion([]byte("early")), revision: 5, created: 5}
	late := &entry{version: state.NewVersion([]byte("late")), revision: 7, created: 5}
	for name, test := range map[string]struct {
		restored *pb.ResponseHeader
		logged   int
	}{
		"lower revision":                {&pb.ResponseHeader{ClusterId: 1, RaftTerm: 2, Revision: 6}, 1},
		"other cluster":                 {&pb.ResponseHeader{ClusterId: 2, RaftTerm: 2, Revision: 9}, 1},
		"higher revision, other leader": {&pb.ResponseHeader{ClusterId: 1, RaftTerm: 3, Revision: 9}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := must[*session](t)(newSession(f.config.Cluster, f.Store.(*Store).session.Load().creds, "/other", f.Store.(*Store)))
			defer s.close()
			end := func(before position, e *entry, h *pb.ResponseHeader) bool {
				valid := s.advance(before, h)
				s.learn(e, before, h)
				return valid
			}
			expect := func(when string, want *entry) {
				t.Helper()
				if cache, _ := s.known(); cache != want {
					t.Errorf("%s: the cache is %v, want %v", when, cache, want)
				}
			}
			old := &pb.ResponseHeader{ClusterId: 1, RaftTerm: 2, Revision: 7}
			if !end(position{}, late, old) {
				t.Error("the first response is of another time")
			}
			expect("after the first response", late)
			_, before := s.known()
			if name == "other cluster" {
				before = position{} // of a call that began before the first response
			}
			if end(before, late, test.restored) {
				t.Error("the restored snapshot was not noticed")
			}
			expect("after the first response of the snapshot", nil)
			if end(before, late, old) {
				t.Error("a response of the time before was not noticed")
			}
			expect("after a late response", nil)
			_, restored := s.known()
			if !end(restored, early, test.restored) || end(before, late, old) {
				t.Error("the state of the snapshot is taken for the state before it")
			}
			expect("after a read", early)
			if n := f.log.FilterField(eventRewound.Field()).Len(); n != test.logged {
				t.Errorf("%d log entries, want %d", n, test.logged)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	open := func(c config.Config, dir string) error {
		_, err := Backend{}.Open(service.StoreOptions{Dir: "/var/lib/foobar", CredentialsDir: dir, Config: c, Metrics: metrics.New("test"), Log: zap.NewNop()})
		return err
	}
	c := config.Default()
	var wrong *service.ConfigError
	if err := open(c, t.TempDir()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "set the addresses of etcd's members") {
		t.Errorf("without endpoints: %v", err)
	}
	c.Cluster.Endpoints = "127.0.0.1:1"
	if err := open(c, t.TempDir()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "etcd-ca") {
		t.Errorf("without credentials: %v", err)
	}
}

// TestApply replaces the configuration and the credentials, or neither.
func TestApply(t *testing.T) {
	f := newFixture(t)
	store := f.Store.(*Store)
	before := store.session.Load()
	if err := f.Apply(f.config); err != nil || store.session.Load() != before {
		t.Errorf("nothing has changed: %v", err)
	}
	c := f.config
	c.Cluster.Prefix = "/other"
	if err := f.Apply(c); err != nil || store.session.Load().key != "/other/foobar/state" {
		t.Errorf("key %s, error %v", store.session.Load().key, err)
	}
	f.write(t, "a", nil)
	f.expect(t, "a")
	if err := os.WriteFile(store.options.CredentialsDir+"/"+caFile, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(c); err == nil {
		t.Error("damaged credentials are no error")
	}
	f.expect(t, "a")
}

// TestCertificate shows the expiry of the certificate, and warns of it once a day, and at
// once where a reload brings another.
func TestCertificate(t *testing.T) {
	f := newFixture(t)
	store := f.Store.(*Store)
	leaf := store.session.Load().creds.leaf()
	for metric, want := range map[prometheus.Gauge]time.Time{store.metrics.notBefore: leaf.NotBefore, store.metrics.notAfter: leaf.NotAfter} {
		if got := testutil.ToFloat64(metric); got != float64(want.Unix()) {
			t.Errorf("%v is %g, want %d", metric.Desc(), got, want.Unix())
		}
	}
	if want := "etcd-cert: certificate valid until " + leaf.NotAfter.Format(time.DateOnly); !strings.Contains(f.Status(), want) {
		t.Errorf("no %q in %s", want, f.Status())
	}
	late := leaf.NotAfter.Add(-48 * time.Hour)
	warned := store.warnExpiry(warning{}, leaf.NotBefore.Add(time.Hour))
	warned = store.warnExpiry(warned, late)
	warned = store.warnExpiry(warned, late.Add(23*time.Hour))
	f.expectWarnings(t, 1)
	store.warnExpiry(warned, leaf.NotAfter.Add(time.Hour))
	f.expectWarnings(t, 2)
	c := f.config
	c.Cluster.Prefix = "/other"
	if err := f.Apply(c); err != nil {
		t.Fatal(err)
	}
	store.warnExpiry(warned, late.Add(23*time.Hour))
	f.expectWarnings(t, 3)
}

func (f *fixture) expectWarnings(t *testing.T, want int) {
	t.Helper()
	if entries := f.log.FilterField(eventCertificate.Field()).All(); len(entries) != want {
		t.Errorf("%d warnings of the certificate, want %d: %v", len(entries), want, entries)
	}
}

func TestClosedStore(t *testing.T) {
	f := newFixture(t)
	f.Close()
	if err := f.write(t, "x", nil); !errors.Is(err, state.ErrClosed) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Read(ctx); err == nil {
		t.Error("no error")
	}
}

// TestEventsAreOfTheStore keeps errors apart from those that package api knows.
func TestEventsAreOfTheStore(t *testing.T) {
	for _, value := range []string{"", "garbage", "record\x00\x02" + strings.Repeat("x", 100), string(foreign("x")[:headerSize]), string(append(foreign("x")[:headerSize], 'y')), string(append(foreign("x"), 'y'))} {
		_, _, err := decode([]byte(value))
		var e interface{ Event() logging.Event }
		if !errors.As(err, &e) || e.Event() != eventRecord {
			t.Errorf("%q: %v", value, err)
		}
	}
}
