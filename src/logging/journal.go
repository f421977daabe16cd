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
	// Core writes lines. It takes the entries that cannot be sent for another
	// reason than that the journal's queue is full.
	zapcore.Core
	context []zapcore.Field
	socket  *os.File // keeps fd open
	fd      int      // non-blocking
	onDrop  func()
	// unreportedDrops is the number of entries that were dropped and that no
	// entry in the journal reports yet.
	unreportedDrops *atomic.Int64
}

// With implements zapcore.Core.
func (j *journal) With(fields []zapcore.Field) zapcore.Core {
	clone := *j
	clone.Core = j.Core.With(fields)
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
// finds the queue full is dropped and counted. The first entry after that reports
// how many were dropped.
func (j *journal) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if n := j.unreportedDrops.Swap(0); n > 0 {
		report := zapcore.Entry{Level: zapcore.WarnLevel, Message: fmt.Sprintf("%d log entries were dropped: the journal's queue was full", n)}
		if err := j.send(report, []zapcore.Field{EntriesLost.Field()}); err != nil {
			j.unreportedDrops.Add(n)
		}
	}
	err := j.send(e, append(j.context[:len(j.context):len(j.context)], fields...))
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
		j.unreportedDrops.Add(1)
		j.onDrop()
		return nil
	}
	if err != nil {
		return j.Core.Write(e, fields)
	}
	return nil
}

// send calls write(2) itself, because os.File would wait until the queue has
// room.
func (j *journal) send(e zapcore.Entry, fields []zapcore.Field) error {
	_, err := unix.Write(j.fd, encode(e, fields))
	return err
}
