package cluster

import (
	"context"
	"sync"
	"time"

	"foobar/src/batch"
	"foobar/src/config"
	"foobar/src/state"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A session is the use of etcd with one configuration and one set of credentials.
type session struct {
	config       config.Cluster
	creds        tlsCredentials
	key          string
	timeout, try time.Duration
	endpoints    *endpoints
	store        *Store
	reads        *batch.Queue[*pendingRead]
	writes       *batch.Queue[*pendingWrite]
	ctx          context.Context // ends with the session
	close        func()

	mu    sync.Mutex // guards the fields below
	cache *entry     // the newest that is known, nil if nothing is
	seen  position
}

// An entry is what the key had at a revision.
type entry struct {
	version  *state.Version // nil for a key without a value
	id       id             // of the write
	revision int64          // of the write, 0 without a value
	created  int64          // revision of the first write since the key was last deleted
}

// A position is what the header of a response says of the cluster. Revisions go up
// but where a snapshot was restored.
type position struct {
	cluster, term uint64
	revision      int64
	changes       int // of cluster or term, and turns of the revision, until then
}

func newSession(c config.Cluster, creds tlsCredentials, key string, store *Store) (*session, error) {
	endpoints, err := newEndpoints(c, creds)
	if err != nil {
		return nil, err
	}
	s := &session{
		config: c, creds: creds, key: key, store: store, endpoints: endpoints,
		timeout: time.Duration(c.Timeout), try: min(time.Duration(c.TryTimeout), time.Duration(c.Timeout)),
		reads: batch.NewQueue[*pendingRead](), writes: batch.NewQueue[*pendingWrite](),
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = clientv3.WithRequireLeader(ctx) // a member without a leader answers at once
	var running sync.WaitGroup
	running.Go(func() { loop(s, s.reads, s.readFor) })
	running.Go(func() { loop(s, s.writes, s.commit) })
	running.Go(func() { endpoints.probe(s.ctx, s.count) })
	s.close = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		endpoints.close()
	})
	return s, nil
}

// loop does the work of all items that wait, again and again until the session ends.
func loop[T any](s *session, q *batch.Queue[T], work func([]T)) {
	for {
		select {
		case item := <-q.Items:
			work(q.Collect(item, s.ctx.Done()))
		case <-s.ctx.Done():
			return
		}
	}
}

// enqueue hands an item to its loop, within limit.
func enqueue[T any](ctx context.Context, s *session, q *batch.Queue[T], item T, limit <-chan time.Time) error {
	select {
	case q.Items <- item:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return state.ErrClosed
	case <-limit:
		return unavailable(errTimeout)
	}
}

// decodeEntry returns the entry of a key.
func decodeEntry(kvs []*mvccpb.KeyValue) (*entry, error) {
	if len(kvs) == 0 {
		return &entry{}, nil
	}
	v, i, err := decode(kvs[0].Value)
	if err != nil {
		return nil, err
	}
	v.First = kvs[0].Version == 1
	return &entry{version: v, id: i, revision: kvs[0].ModRevision, created: kvs[0].CreateRevision}, nil
}

// known returns what the session knows at the begin of a call.
func (s *session) known() (*entry, position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache, s.seen
}

// forget drops what the session knows. After a failure, the next call does not rely
// on the revisions that were seen before: a snapshot may have been restored.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache = nil
}

// advance takes note of where etcd is, by the response to a call that began at before. It
// reports whether what was known at before still counts. After a restored snapshot, the
// cluster is another, the revision is lower, or at least the leader is of another term.
// The first response that shows it drops what is known; calls that began before then
// may be of either time, and have to be made again.
func (s *session) advance(before position, h *pb.ResponseHeader) (valid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := position{h.ClusterId, h.RaftTerm, h.Revision, before.changes}
	seen := s.seen
	switch {
	case seen.changes != before.changes:
		return false
	case seen.revision == 0: // the first response
		s.seen = now
		return true
	case seen.cluster == now.cluster && seen.term == now.term && before.revision <= now.revision:
		s.seen.revision = max(seen.revision, now.revision)
		return true
	}
	now.changes++
	s.cache, s.seen = nil, now
	if seen.cluster != now.cluster || before.revision > now.revision {
		s.store.onRewound(seen, now)
	}
	return false
}

// learn keeps the entry of a response, unless a newer one is known, or the call began
// at a position that no longer counts.
func (s *session) learn(e *entry, before position, h *pb.ResponseHeader) {
	s.mu.Lock()
	changed := false
	if s.seen.changes == before.changes && (s.cache == nil || e.revision > s.cache.revision || e.revision == 0 && h.Revision >= s.seen.revision) {
		changed = s.cache == nil || s.cache.revision != e.revision
		s.cache = e
	}
	s.mu.Unlock()
	s.store.onConfirmed(e, h.Revision, changed)
}
