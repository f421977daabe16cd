package logging

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// lineEncoder returns the encoder of the lines that are written to o.Output.
func lineEncoder(o Options) zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.MessageKey = "message"
	c.CallerKey = zapcore.OmitKey
	c.EncodeTime = zapcore.RFC3339TimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	if isJournal(o.Output, o.JournalStream) {
		// The journal adds the time to each line.
		c.TimeKey = zapcore.OmitKey
		return &priorityEncoder{zapcore.NewJSONEncoder(c), buffer.NewPool()}
	}
	if IsTerminal(o.Output) {
		return &consoleEncoder{zapcore.NewConsoleEncoder(c)}
	}
	return zapcore.NewJSONEncoder(c)
}

// A priorityEncoder begins each line with its priority, sd-daemon(3).
type priorityEncoder struct {
	zapcore.Encoder
	pool buffer.Pool
}

// Clone implements zapcore.Encoder.
func (p *priorityEncoder) Clone() zapcore.Encoder {
	return &priorityEncoder{p.Encoder.Clone(), p.pool}
}

// EncodeEntry implements zapcore.Encoder.
func (p *priorityEncoder) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
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

// A consoleEncoder leaves out the message ID, which only journalctl(1) can look
// up.
type consoleEncoder struct{ zapcore.Encoder }

// Clone implements zapcore.Encoder.
func (p *consoleEncoder) Clone() zapcore.Encoder { return &consoleEncoder{p.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder.
func (p *consoleEncoder) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	shown := make([]zapcore.Field, 0, len(fields))
	for _, f := range fields {
		if f.Key != messageIDKey {
			shown = append(shown, f)
		}
	}
	return p.Encoder.EncodeEntry(e, shown)
}
