package cluster

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"foobar/src/state"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A transaction replaces the value of the key if the key has not changed since its
// base. It can be repeated: at most one of its tries takes effect.
type transaction struct {
	base *entry
	last *state.Version // that of base if no write was accepted
	id   id
	// unresolved is set while it is not known whether a try has taken effect.
	unresolved bool
}

// newTransaction evaluates the writes one after the other. It sets the error of each
// that is refused, provided that base is the current entry. A nil base stands for a
// key without a value, which the transaction finds out to be wrong.
func newTransaction(batch []*pendingWrite, base *entry) *transaction {
	if base == nil {
		base = &entry{}
	}
	t := &transaction{base: base, last: base.version, id: newID()}
	now := time.Now()
	for _, w := range batch {
		w.err = nil
		if w.condition != nil && !w.condition(t.last) {
			w.err = state.ErrPrecondition
			continue
		}
		w.version.Modified, w.version.First = now, t.last == nil
		t.last = w.version
	}
	return t
}

// writes reports whether a write was accepted.
func (t *transaction) writes() bool { return t.last != t.base.version }

// tryCommit runs the transaction once. It returns nil if the transaction has taken
// effect by this or an earlier try, and otherwise the entry that has replaced base.
func (s *session) tryCommit(ctx context.Context, t *transaction) (current *entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.try)
	defer cancel()
	var sent atomic.Int32
	ctx = context.WithValue(ctx, sentKey{}, &sent)
	_, before := s.known()
	start := time.Now()
	resp, err := hedged(ctx, s.endpoints, func(ctx context.Context, member *clientv3.Client) (*clientv3.TxnResponse, error) {
		return s.request(member.Txn(ctx), t).Commit()
	})
	s.store.metrics.observe("write", start, err)
	if calls := sent.Load(); t.writes() && (calls > 1 || calls == 1 && err != nil) && rejection(err) == nil {
		t.unresolved = true
	}
	if err != nil {
		return nil, err
	}
	s.advance(before, resp.Header)
	if resp.Succeeded {
		t.unresolved = false
		if t.writes() {
			created := cmp.Or(t.base.created, resp.Header.Revision)
			s.learn(&entry{t.last, t.id, resp.Header.Revision, created}, before, resp.Header)
		}
		return nil, nil
	}
	if current, err = decodeEntry(resp.Responses[0].GetResponseRange().Kvs); err != nil {
		return nil, err
	}
	ours := false
	if t.unresolved {
		if ours, err = s.resolve(ctx, t, current); err != nil {
			return nil, err
		}
		t.unresolved = false
	}
	s.learn(current, before, resp.Header)
	if ours {
		return nil, nil
	}
	return current, nil
}

// request completes the call: if the key is as in base, then the new record, else what
// the key has.
func (s *session) request(txn clientv3.Txn, t *transaction) clientv3.Txn {
	txn = txn.If(clientv3.Compare(clientv3.ModRevision(s.key), "=", t.base.revision))
	if t.writes() {
		txn = txn.Then(clientv3.OpPut(s.key, string(encode(t.last, t.id))))
	}
	return txn.Else(clientv3.OpGet(s.key))
}

// errUnresolvable is for a try of which etcd's history no longer tells whether it
// has taken effect.
var errUnresolvable = errors.New("etcd's history of the key does not go back to the write")

// resolve reports whether an earlier try of a transaction has taken effect, where
// the key has changed since base: whether the change after base is the
// transaction's. No later try can take effect then.
func (s *session) resolve(ctx context.Context, t *transaction, current *entry) (bool, error) {
	low, high, next := t.base.revision, current.revision, current.id
	switch {
	case next == t.id:
		return true, nil
	case high == 0, low > 0 && current.created > low: // the key was deleted
		return false, errUnresolvable
	case high < low: // a snapshot without the write was restored
		return false, nil
	case low == 0:
		low = current.created - 1
	}
	// The change after base is the first one above low.
	for low+1 < high {
		middle := low + (high-low)/2
		revision, i, err := s.writeAt(ctx, middle)
		switch {
		case errors.Is(err, rpctypes.ErrCompacted):
			return false, errUnresolvable
		case err != nil:
			return false, err
		case revision <= low:
			low = middle
		default:
			high, next = revision, i
		}
	}
	return next == t.id, nil
}

// writeAt returns the revision and the id of the write whose value the key had at a
// revision.
func (s *session) writeAt(ctx context.Context, revision int64) (int64, id, error) {
	resp, err := s.get(ctx, clientv3.WithRev(revision))
	if err != nil || len(resp.Kvs) == 0 {
		return 0, id{}, err
	}
	_, i, _ := decode(resp.Kvs[0].Value) // a value that is no record has no id
	return resp.Kvs[0].ModRevision, i, nil
}
