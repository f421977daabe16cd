// Package logging sets up zap: one event, one entry of the journal, whose
// fields are zap's.
//
// Where there is no socket to the journal, an event is one line on standard
// error. Under systemd it is JSON and starts with the "<N>" priority prefix of
// sd-daemon(3), so that `journalctl -p warning` filters by zap's levels all the
// same. On a terminal the lines are for people.
package logging

import (
	"fmt"
	"io"
	"os"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// Options says how to log. A nil Level means info.
type Options struct {
	Output *os.File
	Level  *zap.AtomicLevel
	// JournalStream is the value of $JOURNAL_STREAM, systemd.exec(5).
	JournalStream string
	// Journal, if not nil, is a datagram socket that is connected to the
	// journal. It must stay open as long as the logger is used.
	Journal *os.File
	// OnDrop, if not nil, is told of each entry that the journal did not take.
	OnDrop func()
}

// New returns a logger that writes to o.Journal, or else to o.Output.
func New(o Options) *zap.Logger {
	level := zap.NewAtomicLevel()
	if o.Level != nil {
		level = *o.Level
	}
	lines := zapcore.NewCore(encoder(o), zapcore.Lock(o.Output), level)
	if o.Journal == nil {
		return zap.New(lines)
	}
	core, err := newJournal(o, level, lines)
	if err != nil {
		log := zap.New(lines)
		log.Warn("the journal is written to by standard error", zap.Error(err))
		return log
	}
	return zap.New(core, zap.AddCaller())
}

func encoder(o Options) zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.MessageKey = "message"
	c.CallerKey = zapcore.OmitKey
	c.EncodeTime = zapcore.RFC3339TimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	if isJournal(o.Output, o.JournalStream) {
		// The journal stamps each line with the time.
		c.TimeKey = zapcore.OmitKey
		return &prefixed{zapcore.NewJSONEncoder(c), buffer.NewPool()}
	}
	if IsTerminal(o.Output) {
		return &plain{zapcore.NewConsoleEncoder(c)}
	}
	return zapcore.NewJSONEncoder(c)
}

// WriteLine writes one line for a person, such as the reason why the program ends,
// with the priority of level where o.Output is the journal.
func WriteLine(o Options, level zapcore.Level, text string) {
	text = strings.ReplaceAll(text, "\n", "; ") + "\n"
	if isJournal(o.Output, o.JournalStream) {
		text = fmt.Sprintf("<%d>%s", Priority(level), text)
	}
	io.WriteString(o.Output, text)
}

// isJournal compares f with the "device:inode" of the journal's stream.
func isJournal(f *os.File, stream string) bool {
	var s unix.Stat_t
	if stream == "" || unix.Fstat(int(f.Fd()), &s) != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

// IsTerminal says whether f is one.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// prefixed puts the syslog priority before each line.
type prefixed struct {
	zapcore.Encoder
	pool buffer.Pool
}

// Clone implements zapcore.Encoder.
func (p *prefixed) Clone() zapcore.Encoder { return &prefixed{p.Encoder.Clone(), p.pool} }

// EncodeEntry implements zapcore.Encoder.
func (p *prefixed) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	line, err := p.Encoder.EncodeEntry(e, fields)
	if err != nil {
		return nil, err
	}
	defer line.Free()
	out := p.pool.Get()
	fmt.Fprintf(out, "<%d>", Priority(e.Level))
	_, err = out.Write(line.Bytes())
	return out, err
}

// plain leaves out what only journalctl(1) can look up.
type plain struct{ zapcore.Encoder }

// Clone implements zapcore.Encoder.
func (p *plain) Clone() zapcore.Encoder { return &plain{p.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder.
func (p *plain) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	shown := make([]zapcore.Field, 0, len(fields))
	for _, f := range fields {
		if f.Key != messageID {
			shown = append(shown, f)
		}
	}
	return p.Encoder.EncodeEntry(e, shown)
}

// Priority returns the priority, of syslog(3), for a level.
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
