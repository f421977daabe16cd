// Package state keeps one durable value.
//
// The contract: a write that Replace has answered is on stable storage; one
// that it has not answered has happened whole or not at all; a reader sees
// whole versions only, in the order in which they were answered.
//
// It rests on rename(2), which replaces the name atomically, on fsync(2) of
// the temporary file before it, so that the name never points to data that is
// not there, and on fsync of the directory after it, so that the name itself
// is on disk.
package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// FileName is the name of the file, in the state directory, that holds the raw
// state.
const FileName = "statefile"

// tempPattern is for the files that become FileName; one may be left over from
// a crash.
const tempPattern = ".statefile-*"

// What can go wrong with a write. The state is then what it was before.
var (
	ErrPrecondition = errors.New("the condition of the write does not hold")
	ErrTooLarge     = errors.New("the state is larger than the limit")
	ErrNoSpace      = errors.New("there is no space left for the state")
	ErrReadOnly     = errors.New("the state is on a read-only file system")
)

// A Version is one whole value of the state. It never changes.
type Version struct {
	Data []byte
	// ETag is a strong validator, quotes included (RFC 9110, section 8.8.3).
	ETag string
	// Modified is when the version was written.
	Modified time.Time
}

// A Condition says on which version a write may follow. The zero Condition
// allows any.
type Condition struct {
	// IfMatch lists the ETags of which the current version must have one; "*"
	// stands for any version at all.
	IfMatch []string
	// IfNoneMatch lists ETags that the current version must not have; "*" means
	// that there must be no version.
	IfNoneMatch []string
}

// Options says where the state is and who watches it.
type Options struct {
	Dir string
	// Written, if not nil, is told of each commit: its duration, the share of
	// it that fsync took, and the size of the state in bytes.
	Written func(total, fsync time.Duration, size int)
}

// A Store holds the state. Its methods may be called by many goroutines.
type Store struct {
	options Options
	dir     *os.File
	current atomic.Pointer[Version]
	writing sync.Mutex
}

// Open reads the state in o.Dir, which must exist and be writable.
func Open(o Options) (*Store, error) {
	dir, err := os.Open(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory: %w", err)
	}
	s := &Store{options: o, dir: dir}
	if err := s.recover(); err != nil {
		dir.Close()
		return nil, fmt.Errorf("read state: %w", err)
	}
	return s, nil
}

// recover removes what a crash left over and reads the state.
func (s *Store) recover() error {
	left, err := filepath.Glob(filepath.Join(s.options.Dir, tempPattern))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.Open(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	s.current.Store(newVersion(data, info.ModTime()))
	return nil
}

func (s *Store) path() string { return filepath.Join(s.options.Dir, FileName) }

func newVersion(data []byte, at time.Time) *Version {
	sum := sha256.Sum256(data)
	return &Version{Data: data, ETag: `"` + hex.EncodeToString(sum[:16]) + `"`, Modified: at}
}

// Current returns the newest version that is on stable storage, or nil before
// the first write.
func (s *Store) Current() *Version { return s.current.Load() }

// Replace makes data, which the Store keeps, the state and returns once that is
// on stable storage.
func (s *Store) Replace(ctx context.Context, c Condition, data []byte) (*Version, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !c.holds(s.Current()) {
		return nil, ErrPrecondition
	}
	start := time.Now()
	synced, err := s.commit(data)
	if err != nil {
		return nil, classify(err)
	}
	if s.options.Written != nil {
		s.options.Written(time.Since(start), synced, len(data))
	}
	v := newVersion(data, time.Now())
	s.current.Store(v)
	return v, nil
}

// commit puts data on disk and returns how long fsync took.
func (s *Store) commit(data []byte) (synced time.Duration, err error) {
	f, err := os.CreateTemp(s.options.Dir, tempPattern)
	if err != nil {
		return 0, err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := f.Sync(); err != nil {
		return 0, err
	}
	synced = time.Since(start)
	if err := os.Rename(f.Name(), s.path()); err != nil {
		return 0, err
	}
	start = time.Now()
	err = s.dir.Sync()
	return synced + time.Since(start), err
}

// Close releases the directory. The Store must not be used after it.
func (s *Store) Close() error { return s.dir.Close() }

func (c Condition) holds(v *Version) bool {
	if c.IfMatch != nil && !matches(c.IfMatch, v) {
		return false
	}
	return c.IfNoneMatch == nil || !matches(c.IfNoneMatch, v)
}

func matches(tags []string, v *Version) bool {
	if v == nil {
		return false
	}
	for _, tag := range tags {
		if tag == "*" || tag == v.ETag {
			return true
		}
	}
	return false
}

// classify adds the reason that a caller can act on.
func classify(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return fmt.Errorf("write state: %w", err)
}
