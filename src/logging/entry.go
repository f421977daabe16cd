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
	"unicode"

	"go.uber.org/zap/zapcore"
)

// prefix begins the name of every field that journald does not define.
const prefix = "FOOBAR_"

// A datagram cannot be larger than the socket's send buffer,
// net.core.wmem_default, which is 208 KiB unless it has been changed. The limits
// are in bytes.
const (
	maxEntry = 64 << 10
	maxValue = 16 << 10
	maxName  = 64 // journald drops fields with longer names
)

// encode returns an entry in the journal's native protocol. The field "error" is
// also appended to the message, because journalctl(1) shows only the message by
// default.
func encode(e zapcore.Entry, fields []zapcore.Field) []byte {
	all := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(all)
	}
	flatten(all.Fields)
	message := e.Message
	if cause, ok := all.Fields["error"].(string); ok {
		message += ": " + cause
	}
	b := &entryBuilder{}
	b.add("MESSAGE", message)
	b.add("PRIORITY", strconv.Itoa(priority(e.Level)))
	b.add("SYSLOG_IDENTIFIER", "foobar") // which journalctl -t selects by
	if id, ok := all.Fields[messageIDKey].(string); ok {
		b.add("MESSAGE_ID", id)
		delete(all.Fields, messageIDKey)
	}
	if e.Caller.Defined {
		b.add("CODE_FILE", e.Caller.File)
		b.add("CODE_LINE", strconv.Itoa(e.Caller.Line))
		b.add("CODE_FUNC", e.Caller.Function)
	}
	for _, key := range slices.Sorted(maps.Keys(all.Fields)) {
		name := prefix + fieldName(key)
		b.add(name[:min(len(name), maxName)], formatValue(all.Fields[key]))
	}
	if len(b.truncated) > 0 {
		b.append(prefix+"TRUNCATED", Shorten(strings.Join(b.truncated, " "), maxValue))
	}
	return b.bytes
}

// An entryBuilder builds an entry of at most maxEntry bytes.
type entryBuilder struct {
	bytes     []byte
	truncated []string // the fields whose value was shortened or left out
}

// add adds a field as far as the limits allow.
func (b *entryBuilder) add(name, value string) {
	short := Shorten(value, maxValue)
	fits := len(b.bytes)+len(name)+len(short)+len("\n\n")+8 <= maxEntry
	if fits {
		b.append(name, short)
	}
	if !fits || len(short) < len(value) {
		b.truncated = append(b.truncated, name)
	}
}

// append appends a field. A value with a newline has the protocol's second form,
// in which the value's length, 64-bit little-endian, stands before it.
func (b *entryBuilder) append(name, value string) {
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

// flatten replaces each group of fields by its fields, because those of the journal
// have no groups: id in the group request is request_id.
func flatten(fields map[string]any) {
	for name, value := range fields {
		group, ok := value.(map[string]any)
		if !ok {
			continue
		}
		delete(fields, name)
		flatten(group)
		for key, value := range group {
			fields[name+"_"+key] = value
		}
	}
}

// fieldName returns a key of zap as the name of a journal field, which may have
// upper-case letters, digits and underscores.
func fieldName(key string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToUpper(r); 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, key)
}

// formatValue returns a value of zap as text. A time is in the format of RFC
// 3339, a list is JSON.
func formatValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		if list, err := json.Marshal(v); err == nil {
			return string(list)
		}
	}
	return fmt.Sprint(value)
}

// Shorten returns the first limit bytes of text, without a character that they
// cut in two.
func Shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
