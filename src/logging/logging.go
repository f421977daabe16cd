// Package logging makes zap loggers that write to the systemd journal.
//
// New returns a logger that sends each entry to the journal in its native
// protocol, with zap's fields as the entry's fields. Without a socket to the
// journal, an entry is one line on standard error: JSON with the "<N>" priority
// prefix of sd-daemon(3) if systemd connects standard error to the journal, text
// on a terminal, and JSON otherwise. The package has no logger of its own and
// decides nothing about what is logged; events.go lists the events that the
// journal's catalogue explains.
//
// Read logging.go first, then journal.go and entry.go for the native protocol.
package logging

import (
	"fmt"
	"io"
	"os"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// Options are the destination and the level of a logger.
type Options struct {
	// Output takes lines of text if Journal is nil or fails.
	Output *os.File
	// Level is the least severe level that is logged; nil means info.
	Level *zap.AtomicLevel
	// JournalStream is the value of $JOURNAL_STREAM, systemd.exec(5).
	JournalStream string
	// Journal is a datagram socket that is connected to the journal, or nil. It
	// must stay open for as long as the logger is used.
	Journal *os.File
	// OnDrop, if not nil, is called for each entry that is dropped because the
	// journal's queue is full.
	OnDrop func()
}

// New returns a logger that writes to o.Journal or, where that is nil or cannot
// be used, to o.Output.
func New(o Options) *zap.Logger {
	level := zap.NewAtomicLevel()
	if o.Level != nil {
		level = *o.Level
	}
	lines := zapcore.NewCore(lineEncoder(o), zapcore.Lock(o.Output), level)
	if o.Journal == nil {
		return zap.New(lines)
	}
	core, err := newJournal(o, level, lines)
	if err != nil {
		log := zap.New(lines)
		log.Warn("the journal's socket cannot be used: logging to standard error", zap.Error(err))
		return log
	}
	return zap.New(core, zap.AddCaller())
}

// WriteLine writes one line of text to o.Output, with the priority of level if
// o.Output is the journal. It is for the error with which the program ends.
func WriteLine(o Options, level zapcore.Level, text string) {
	text = strings.ReplaceAll(text, "\n", "; ") + "\n"
	if isJournal(o.Output, o.JournalStream) {
		text = fmt.Sprintf("<%d>%s", Priority(level), text)
	}
	io.WriteString(o.Output, text)
}

// isJournal reports whether f is the journal's stream, whose device and inode
// number $JOURNAL_STREAM has as "device:inode".
func isJournal(f *os.File, stream string) bool {
	var s unix.Stat_t
	if stream == "" || unix.Fstat(int(f.Fd()), &s) != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Priority returns the syslog(3) priority of a level.
func Priority(l zapcore.Level) int {
	switch {
	case l <= zapcore.DebugLevel:
		return 7
	case l == zapcore.InfoLevel:
		return 6
	case l == zapcore.WarnLevel:
		return 4
	case l == zapcore.ErrorLevel:
		return 3
	default:
		return 2
	}
}
