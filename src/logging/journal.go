package logging

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// A journal is a zapcore.Core that sends each entry as one datagram of the
// journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/) to a
// socket that systemd has connected (OpenFile= in the unit).
//
// The journal package of go-systemd is not used: it opens a socket when it is
// initialized, sends with sendmsg(2) and writes long entries to a file, and the
// unit denies all three.
type journal struct {
	zapcore.LevelEnabler
	socket *journalSocket
	// fallback takes the entries that cannot be sent, for another reason than
	// that the journal's queue is full.
	fallback zapcore.Core
	context  []zapcore.Field
}

func newJournal(o Options, level zapcore.LevelEnabler, fallback zapcore.Core) (zapcore.Core, error) {
	s, err := newJournalSocket(o.Journal, o.OnDrop)
	if err != nil {
		return nil, err
	}
	return &journal{LevelEnabler: level, socket: s, fallback: fallback}, nil
}

// With implements zapcore.Core.
func (j *journal) With(fields []zapcore.Field) zapcore.Core {
	clone := *j
	clone.fallback = j.fallback.With(fields)
	clone.context = append(j.context[:len(j.context):len(j.context)], fields...)
	return &clone
}

// Check implements zapcore.Core.
func (j *journal) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if j.Enabled(e.Level) {
		return checked.AddCore(e, j)
	}
	return checked
}

// Write implements zapcore.Core. It never waits for journald: an entry that
// finds the queue full is dropped and counted.
func (j *journal) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if err := j.socket.send(encode(e, j.context, fields)); err != nil {
		return j.fallback.Write(e, fields)
	}
	return nil
}

// Sync implements zapcore.Core.
func (j *journal) Sync() error { return nil }

// A journalSocket is a non-blocking socket that is connected to the journal.
type journalSocket struct {
	file   *os.File // keeps fd open
	fd     int
	onDrop func()
	// unreportedDrops is the number of entries that were dropped and that no
	// entry in the journal reports yet.
	unreportedDrops atomic.Int64
}

func newJournalSocket(f *os.File, onDrop func()) (*journalSocket, error) {
	if onDrop == nil {
		onDrop = func() {}
	}
	s := &journalSocket{file: f, fd: int(f.Fd()), onDrop: onDrop}
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return nil, fmt.Errorf("journal socket: set non-blocking mode: %w", err)
	}
	return s, nil
}

// send sends one entry, or drops it if the journal's queue is full. The first
// entry after that reports how many were dropped.
func (s *journalSocket) send(entry []byte) error {
	if n := s.unreportedDrops.Swap(0); n > 0 {
		if err := s.write(dropReport(n)); err != nil {
			s.unreportedDrops.Add(n)
		}
	}
	err := s.write(entry)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
		s.unreportedDrops.Add(1)
		s.onDrop()
		return nil
	}
	return err
}

// write calls write(2) itself, because os.File would wait until the queue has
// room.
func (s *journalSocket) write(datagram []byte) error {
	_, err := unix.Write(s.fd, datagram)
	return err
}

func dropReport(n int64) []byte {
	return encode(zapcore.Entry{Level: zapcore.WarnLevel, Message: fmt.Sprintf("%d log entries were dropped: the journal's queue was full", n)},
		nil, []zapcore.Field{EntriesLost.Field()})
}
