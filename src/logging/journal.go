package logging

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// A journal is a core that writes each entry as a datagram of the journal's
// native protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/, to a socket
// that systemd has connected (OpenFile= in the unit).
//
// go-systemd's package journal speaks it too, but opens a socket of its own as
// it is loaded, sends by sendmsg(2), and makes a file for what is long. The unit
// denies all three, and what is left of the protocol is in entry.
type journal struct {
	zapcore.LevelEnabler
	socket *socket
	// other takes what the socket does not, for another reason than that
	// journald is behind.
	other   zapcore.Core
	context []zapcore.Field
}

func newJournal(o Options, level zapcore.LevelEnabler, other zapcore.Core) (zapcore.Core, error) {
	s, err := newSocket(o.Journal, o.OnDrop)
	if err != nil {
		return nil, err
	}
	return &journal{LevelEnabler: level, socket: s, other: other}, nil
}

// With implements zapcore.Core.
func (j *journal) With(fields []zapcore.Field) zapcore.Core {
	clone := *j
	clone.other = j.other.With(fields)
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
// finds its queue full is lost, and counted.
func (j *journal) Write(e zapcore.Entry, fields []zapcore.Field) error {
	err := j.socket.send(encode(e, j.context, fields))
	if err != nil {
		return j.other.Write(e, fields)
	}
	return nil
}

// Sync implements zapcore.Core.
func (j *journal) Sync() error { return nil }

// A socket is the journal's.
type socket struct {
	file *os.File // keeps fd open
	fd   int
	lost func()
	// untold is how many entries were lost since the journal was last told.
	untold atomic.Int64
}

func newSocket(f *os.File, lost func()) (*socket, error) {
	if lost == nil {
		lost = func() {}
	}
	s := &socket{file: f, fd: int(f.Fd()), lost: lost}
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return nil, fmt.Errorf("journal socket: %w", err)
	}
	return s, nil
}

// send sends one entry, or loses it where journald is behind. What journald
// takes again begins with how much was lost.
func (s *socket) send(entry []byte) error {
	if n := s.untold.Swap(0); n > 0 {
		if err := s.write(lostEntry(n)); err != nil {
			s.untold.Add(n)
		}
	}
	err := s.write(entry)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
		s.untold.Add(1)
		s.lost()
		return nil
	}
	return err
}

// write does not go by the runtime's poller, which would wait.
func (s *socket) write(datagram []byte) error {
	_, err := unix.Write(s.fd, datagram)
	return err
}

func lostEntry(n int64) []byte {
	return encode(zapcore.Entry{Level: zapcore.WarnLevel, Message: fmt.Sprintf("%d log entries were lost: journald was behind", n)},
		nil, []zapcore.Field{EntriesLost.Field()})
}
