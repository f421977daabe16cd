// Package logging makes zap loggers that write to the systemd journal.
//
// New returns a logger that sends each entry to the journal in its native
// protocol, with zap's fields as the entry's fields. Without a socket to the
// journal, an entry is one line on standard error: JSON with the "<N>" priority
// prefix of sd-daemon(3) if systemd connects standard error to the journal, text
// on a terminal, and JSON otherwise. The package has no logger of its own and
// decides nothing about what is logged; events.go lists the events that the
// journal's catalog explains. Slog returns a logger of log/slog in front of the same
// journal.
//
// Read logging.go first, then journal.go and entry.go for the native protocol.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// Options are the destination and the level of a logger.
type Options struct {
	// Output takes lines of text if Journal is nil or fails.
	Output *os.File
	// Level is the least severe level that is logged.
	Level zapcore.LevelEnabler
	// JournalStream is the value of $JOURNAL_STREAM, systemd.exec(5).
	JournalStream string
	// Journal is a datagram socket that is connected to the journal, or nil. It
	// must stay open for as long as the logger is used.
	Journal *os.File
	// OnDrop is called for each entry that is dropped because the journal's queue
	// is full.
	OnDrop func()
}

// New returns a logger that writes to o.Journal or, where that is nil or cannot
// be used, to o.Output.
func New(o Options) *zap.Logger {
	lines := zapcore.NewCore(newLineEncoder(o), zapcore.Lock(o.Output), o.Level)
	if o.Journal == nil {
		return zap.New(lines)
	}
	j := &journal{Core: lines, socket: o.Journal, fd: int(o.Journal.Fd()), onDrop: o.OnDrop, unreportedDrops: &atomic.Int64{}}
	// Where this fails, writing fails too, and lines take the entries.
	unix.SetNonblock(j.fd, true)
	return zap.New(j, zap.AddCaller())
}

// Slog returns a logger of the standard library that logs as l does, for code that
// knows no zap: at the same level, with the same fields and to the same journal.
func Slog(l *zap.Logger) *slog.Logger {
	return slog.New(zapslog.NewHandler(l.Core(), zapslog.WithCaller(true), zapslog.AddStacktraceAt(math.MaxInt)))
}

// WriteLine writes one line of text to o.Output, with the priority of level if
// o.Output is the journal. It is for the error with which the program ends.
func WriteLine(o Options, level zapcore.Level, text string) {
	text = strings.ReplaceAll(text, "\n", "; ") + "\n"
	if isJournal(o.Output, o.JournalStream) {
		text = fmt.Sprintf("<%d>%s", priority(level), text)
	}
	io.WriteString(o.Output, text)
}

// isJournal reports whether f is the journal's stream, whose device and inode
// number $JOURNAL_STREAM has as "device:inode".
func isJournal(f *os.File, stream string) bool {
	var s unix.Stat_t
	return stream != "" && unix.Fstat(int(f.Fd()), &s) == nil && stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// priority returns the syslog(3) priority of a level.
func priority(l zapcore.Level) int {
	return [...]int{7, 6, 4, 3, 2, 2, 2}[l-zapcore.DebugLevel] // of debug, info, warn, error, and the fatal ones
}

// A lineEncoder encodes the lines that are written to Options.Output.
type lineEncoder struct {
	zapcore.Encoder
	// priority begins each line with its priority, sd-daemon(3).
	priority bool
	// console leaves out the message ID, which only journalctl(1) can look up.
	console bool
}

func newLineEncoder(o Options) *lineEncoder {
	c := zap.NewProductionEncoderConfig()
	c.MessageKey = "message"
	c.CallerKey = zapcore.OmitKey
	c.EncodeTime = zapcore.RFC3339TimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	switch {
	case isJournal(o.Output, o.JournalStream):
		c.TimeKey = zapcore.OmitKey // the journal adds the time to each line
		return &lineEncoder{Encoder: zapcore.NewJSONEncoder(c), priority: true}
	case IsTerminal(o.Output):
		return &lineEncoder{Encoder: zapcore.NewConsoleEncoder(c), console: true}
	}
	return &lineEncoder{Encoder: zapcore.NewJSONEncoder(c)}
}

// Clone implements zapcore.Encoder.
func (l *lineEncoder) Clone() zapcore.Encoder {
	return &lineEncoder{l.Encoder.Clone(), l.priority, l.console}
}

// EncodeEntry implements zapcore.Encoder.
func (l *lineEncoder) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if l.console {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f zapcore.Field) bool { return f.Key == messageIDKey })
	}
	line, err := l.Encoder.EncodeEntry(e, fields)
	if err == nil && l.priority {
		text := line.String()
		line.Reset()
		fmt.Fprintf(line, "<%d>%s", priority(e.Level), text)
	}
	return line, err
}
