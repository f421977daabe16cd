package logging

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap/zapcore"
)

// identifier is what journalctl(1) calls the service, as its -t does.
const identifier = "foobar"

// prefix is before the names of all fields that are not journald's own.
const prefix = "FOOBAR_"

// A datagram cannot be larger than the socket's buffer, net.core.wmem_default
// (208 KiB unless somebody has changed it). In bytes.
const (
	maxEntry = 64 << 10
	maxValue = 16 << 10
	maxName  = 64 // journald drops fields with longer ones
)

// encode returns an entry in the journal's native protocol. A field that says
// what went wrong is part of the message too, which is all that journalctl
// shows unless it is asked for more.
func encode(e zapcore.Entry, context, fields []zapcore.Field) []byte {
	all := zapcore.NewMapObjectEncoder()
	for _, some := range [][]zapcore.Field{context, fields} {
		for _, f := range some {
			f.AddTo(all)
		}
	}
	message := e.Message
	if cause, ok := all.Fields["error"].(string); ok {
		message += ": " + cause
	}
	b := &entry{}
	b.add("MESSAGE", message)
	b.add("PRIORITY", strconv.Itoa(Priority(e.Level)))
	b.add("SYSLOG_IDENTIFIER", identifier)
	if id, ok := all.Fields[messageID].(string); ok {
		b.add("MESSAGE_ID", id)
		delete(all.Fields, messageID)
	}
	if e.Caller.Defined {
		b.add("CODE_FILE", e.Caller.File)
		b.add("CODE_LINE", strconv.Itoa(e.Caller.Line))
		b.add("CODE_FUNC", e.Caller.Function)
	}
	b.addAll(prefix, all.Fields)
	if len(b.cut) > 0 {
		b.append(prefix+"TRUNCATED", shorten(strings.Join(b.cut, " "), maxValue))
	}
	return b.bytes
}

// An entry is one as it grows. What would make it too large is cut or left out,
// and cut names it.
type entry struct {
	bytes []byte
	cut   []string
}

// addAll adds fields in the order of their names. Those of a nested object have
// its name before theirs.
func (b *entry) addAll(prefix string, fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		name := prefix + lawful(key)
		if nested, ok := fields[key].(map[string]any); ok {
			b.addAll(name+"_", nested)
			continue
		}
		b.add(name[:min(len(name), maxName)], text(fields[key]))
	}
}

func (b *entry) add(name, value string) {
	short := shorten(value, maxValue)
	fits := len(b.bytes)+len(name)+len(short)+len("\n\n")+8 <= maxEntry
	if fits {
		b.append(name, short)
	}
	if !fits || len(short) < len(value) {
		b.cut = append(b.cut, name)
	}
}

func (b *entry) append(name, value string) {
	b.bytes = append(b.bytes, name...)
	if strings.Contains(value, "\n") {
		b.bytes = append(b.bytes, '\n')
		b.bytes = binary.LittleEndian.AppendUint64(b.bytes, uint64(len(value)))
	} else {
		b.bytes = append(b.bytes, '=')
	}
	b.bytes = append(b.bytes, value...)
	b.bytes = append(b.bytes, '\n')
}

// lawful returns a key with the letters that a journal field's name may have.
func lawful(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, key)
}

// text writes a value as people do. Lists are JSON.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		if list, err := json.Marshal(v); err == nil {
			return string(list)
		}
	}
	return fmt.Sprint(value)
}

// shorten keeps the start of a text, and no part of a character.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for i := limit; i > limit-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			return text[:i]
		}
	}
	return text[:limit] // not text
}
