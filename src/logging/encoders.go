package logging

import (
	"fmt"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

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
