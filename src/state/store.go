package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// FileName is the name of the file, in the state directory, that holds the raw
// state.
const FileName = "statefile"

// defaultLag is how far FileName may be behind if nothing else is said.
const defaultLag = time.Second

// What can go wrong. The state that readers see is then what it was before.
var (
	ErrPrecondition = errors.New("the condition of the write does not hold")
	ErrTooLarge     = errors.New("the state is larger than the limit")
	ErrNoSpace      = errors.New("there is no space left for the state")
	ErrReadOnly     = errors.New("the state is on a read-only file system")
	ErrChanged      = errors.New("the state directory was changed by something else")
	ErrFailed       = errors.New("the storage failed")
	ErrInUse        = errors.New("another process uses the state directory")
	ErrOwner        = errors.New("the state directory belongs to another user")
	ErrClosed       = errors.New("the state is closed")
)

// A Version is one whole value of the state. It never changes.
type Version struct {
	Data []byte
	// ETag is a strong validator, quotes included (RFC 9110, section 8.8.3). It
	// comes from the content: equal data have equal tags.
	ETag string
	// Modified is when the version was written, by the clock of that moment.
	Modified time.Time

	sequence uint64
	first    bool
	digest   digest
}

// First says whether this version was written when there was none.
func (v *Version) First() bool { return v.first }

// Options says where the state is and who watches it.
type Options struct {
	Dir string
	// MaxSize is the largest version in bytes that Replace takes, and the
	// largest foreign FileName that Open takes; 0 is no limit.
	MaxSize int64
	// CheckpointDelay is how far FileName may be behind the current version while the store
	// is open; 0 is one second.
	CheckpointDelay time.Duration
	// OnCommit, if not nil, is told of each commit: the time that its first write
	// took from Replace to stable storage, the share of it that syncing took,
	// and the size of the state in bytes. It must not call the Store.
	OnCommit func(total, synced time.Duration, size int)
	// Log, if not nil, is told what an administrator should know: what was
	// recovered, and what failed (err is then not nil). It must not call the
	// Store, except for Current.
	Log func(message string, err error)
}

// A Store holds the state. Its methods may be called by many goroutines.
type Store struct {
	options Options
	current atomic.Pointer[Version]
	queue   queue
	stopped chan struct{} // closed when the committer has ended

	mu   sync.Mutex // guards disk, which the committer and Check use
	disk *disk

	lagging  bool  // the last checkpoint failed and that was said; the committer's
	closeErr error // set before stopped is closed
}

// Open recovers the state in o.Dir, which must exist, belong to the caller's
// user, and be in use by nobody else.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	d, err := openDisk(o.Dir, o.MaxSize, o.Log)
	if err != nil {
		return nil, err
	}
	v, err := d.recover()
	if err != nil {
		d.close()
		return nil, err
	}
	s := &Store{options: o, disk: d, queue: newQueue(), stopped: make(chan struct{})}
	s.current.Store(v)
	go s.run()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.CheckpointDelay == 0 {
		o.CheckpointDelay = defaultLag
	}
	if o.OnCommit == nil {
		o.OnCommit = func(time.Duration, time.Duration, int) {}
	}
	if o.Log == nil {
		o.Log = func(string, error) {}
	}
	return o
}

// Current returns the newest version that is on stable storage, or nil before
// the first write. It never waits.
func (s *Store) Current() *Version { return s.current.Load() }

// Replace makes data, which belong to the Store from then on, the state if c
// holds, and returns once that is on stable storage. When ctx ends, a write
// whose commit has not begun is withdrawn; otherwise the commit is waited for.
func (s *Store) Replace(ctx context.Context, c Condition, data []byte) (*Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.options.MaxSize > 0 && int64(len(data)) > s.options.MaxSize {
		return nil, ErrTooLarge
	}
	r := newRequest(c, data)
	if !s.queue.add(r) {
		return nil, ErrClosed
	}
	return r.wait(ctx)
}

// Check says why a write would fail now, if it would. It looks at the files, so
// it sees what something else did to them.
func (s *Store) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk.check()
}

// Close waits for the writes that it finds, brings FileName up to date and
// gives the directory free. If FileName cannot be written, its error says so;
// nothing is lost then, and the next Open completes it.
func (s *Store) Close() error {
	s.queue.close()
	<-s.stopped
	return s.closeErr
}

func newVersion(data []byte) *Version {
	d := digestOf(data)
	return &Version{Data: data, ETag: `"` + hex.EncodeToString(d.sum[:sha256.Size/2]) + `"`, digest: d}
}
