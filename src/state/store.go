package state

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/batch"
)

// FileName is the name of the file in the state directory that holds the raw
// state.
const FileName = "statefile"

// Options configures a Store. All of them are required.
type Options struct {
	// Dir is the path of the state directory.
	Dir string
	// CheckpointDelay is the longest time between a commit and the update of
	// FileName while the store is open.
	CheckpointDelay time.Duration
	// OnCommit is called after each commit, with the time from the first Replace of
	// the batch to stable storage, the part of it spent in fdatasync(2), and the size
	// of the version in bytes.
	OnCommit func(total, synced time.Duration, size int)
	// Log is called with messages for the administrator. A nil err means that the
	// Store has recovered, any other err that something has failed. Like OnCommit, it
	// may call Current and no other method of the Store.
	Log func(message string, err error)
}

// A Condition reports whether a write may replace the current version, which is
// nil before the first write. A nil Condition allows every version.
type Condition func(current *Version) bool

// A Store keeps one state durably. Its methods are safe for concurrent use.
type Store struct {
	options Options
	current atomic.Pointer[Version]
	queue   *batch.Queue[*pendingWrite]
	close   func() // closes closed
	closed  chan struct{}
	stopped chan struct{} // closed when commitLoop has returned

	mu      sync.Mutex // guards storage
	storage *storage

	checkpointFailed bool  // and was logged; used by commitLoop only
	closeErr         error // set before stopped is closed
}

// Open recovers the state in o.Dir. The directory must exist, belong to the
// user of the process (ErrOwner) and be in use by no other process (ErrInUse).
// Open returns ErrChanged if another program has changed the files in a way that
// leaves open which of them is right.
func Open(o Options) (*Store, error) {
	dir, err := openDirectory(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory %s: %w", o.Dir, err)
	}
	st := &storage{dir: dir, log: o.Log}
	v, err := st.recover()
	if err != nil {
		st.close()
		return nil, err
	}
	s := &Store{options: o, storage: st, queue: batch.NewQueue[*pendingWrite](), closed: make(chan struct{}), stopped: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	s.current.Store(v)
	go s.commitLoop(st.fileOutdated())
	return s, nil
}

// Current returns the newest version that is on stable storage, nil before the
// first write. It does not block.
func (s *Store) Current() *Version { return s.current.Load() }

// Read returns Current, and no error.
func (s *Store) Read(context.Context) (*Version, error) { return s.Current(), nil }

// Replace makes data the state if c holds, and returns the new version once it
// is on stable storage. The caller must not use data afterwards. If ctx ends
// before a commit takes the write, the write does not happen and Replace returns
// the error of ctx; otherwise Replace waits for the end of the commit.
func (s *Store) Replace(ctx context.Context, c Condition, data []byte) (*Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &pendingWrite{condition: c, version: NewVersion(data), enqueuedAt: time.Now(), done: make(chan struct{})}
	s.queue.Callers.Add(1)
	defer s.queue.Callers.Add(-1)
	select {
	case s.queue.Items <- w:
		<-w.done
		return w.version, w.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stopped:
		return nil, ErrClosed
	}
}

// Check returns the error that a write would fail with now, if it would fail. It
// looks at the files, so that it notices changes by other programs. It waits for
// a commit in progress, whatever the context.
func (s *Store) Check(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage.check()
}

// Close waits for the pending writes, brings FileName up to date and releases
// the directory. An error means that FileName may be outdated; the state is
// durable nevertheless, and the next Open brings FileName up to date.
func (s *Store) Close() error {
	s.close()
	<-s.stopped
	return s.closeErr
}
