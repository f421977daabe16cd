package cluster

import (
	"context"
	"time"

	"foobar/src/state"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A pendingRead is one read on its way from read to its call and back. A read must see
// what was written before the read has begun, so it shares a call that has not begun.
type pendingRead struct {
	version *state.Version // set before done is closed, as is err
	err     error
	done    chan struct{}
}

// read returns the version that a quorum agrees on.
func (s *session) read(ctx context.Context) (*state.Version, error) {
	r := &pendingRead{done: make(chan struct{})}
	limit := time.After(s.timeout)
	s.reads.Callers.Add(1)
	defer s.reads.Callers.Add(-1)
	if err := enqueue(ctx, s, s.reads, r, limit); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.version, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-limit:
		return nil, unavailable(errTimeout)
	}
}

// readFor makes one call for several reads.
func (s *session) readFor(reads []*pendingRead) {
	version, err := s.readOnce()
	s.reads.Done()
	for _, r := range reads {
		r.version, r.err = version, err
		close(r.done)
	}
}

// readOnce reads the key, and tries again until cluster.timeout.
func (s *session) readOnce() (*state.Version, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	for try := 0; ; try++ {
		e, err := s.tryRead(ctx)
		if err == nil {
			return e.version, nil
		}
		s.forget()
		if err := s.giveUp(ctx, try, err); err != nil {
			s.store.onFailed(err)
			return nil, err
		}
	}
}

// tryRead reads the key by one call. The value is sent only if it has changed.
func (s *session) tryRead(ctx context.Context) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.try)
	defer cancel()
	cached, before := s.known()
	var options []clientv3.OpOption
	if cached != nil {
		options = append(options, clientv3.WithMinModRev(cached.revision+1))
	}
	start := time.Now()
	resp, err := s.get(ctx, options...)
	s.store.metrics.observe("read", start, err)
	if err != nil {
		return nil, err
	}
	if !s.advance(before, resp.Header) {
		return s.tryRead(ctx)
	}
	e := cached
	if cached == nil || len(resp.Kvs) > 0 || resp.Count == 0 {
		if e, err = decodeEntry(resp.Kvs); err != nil {
			return nil, err
		}
	}
	s.learn(e, before, resp.Header)
	return e, nil
}

func (s *session) get(ctx context.Context, options ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return hedged(ctx, s.endpoints, func(ctx context.Context, member *clientv3.Client) (*clientv3.GetResponse, error) {
		return member.Get(ctx, s.key, options...)
	})
}

// count makes a read of one member that sends no value.
func (s *session) count(ctx context.Context, member *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, s.try)
	defer cancel()
	_, err := member.Get(ctx, s.key, clientv3.WithCountOnly())
	return err
}

// giveUp waits before the next try, and returns nil, or the error with which to end.
func (s *session) giveUp(ctx context.Context, try int, err error) error {
	if rejected := rejection(err); rejected != nil {
		return rejected
	}
	select {
	case <-ctx.Done():
		if s.ctx.Err() != nil {
			return state.ErrClosed
		}
		return unavailable(err)
	case <-time.After(min(retryDelay<<min(try, 4), maxRetryDelay)):
		return nil
	}
}

const (
	// retryDelay is the time between the first two tries, and doubles until maxRetryDelay.
	retryDelay    = 10 * time.Millisecond
	maxRetryDelay = 100 * time.Millisecond
)
