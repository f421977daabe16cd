package logging

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A journald receives what a logger sends to the journal.
type journald struct {
	conn    *net.UnixConn
	log     *zap.Logger
	dropped int
	stderr  *os.File // the logger's Options.Output
}

func newJournald(t *testing.T) *journald {
	t.Helper()
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "socket"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.DialUnix("unixgram", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	file, err := client.File() // in blocking mode, as systemd hands it over
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		file.Close()
		stderr.Close()
	})
	j := &journald{conn: conn, stderr: stderr}
	j.log = New(Options{Output: stderr, Level: zap.InfoLevel, Journal: file, OnDrop: func() { j.dropped++ }})
	return j
}

// next returns the fields of the next entry by name, several values in their order.
func (j *journald) next(t *testing.T) map[string][]string {
	t.Helper()
	b := make([]byte, 256<<10)
	j.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := j.conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := parse(b[:n])
	if err != nil {
		t.Fatalf("%v in %q", err, b[:n])
	}
	return fields
}

// validName matches the names of fields that journald accepts from a client.
var validName = regexp.MustCompile(`^[A-Z0-9][A-Z0-9_]{0,63}$`)

// parse reads an entry in the native protocol and accepts only what the protocol
// allows.
func parse(b []byte) (map[string][]string, error) {
	fields := map[string][]string{}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			return nil, errors.New("a field does not end with a newline")
		}
		key, value, simple := bytes.Cut(line, []byte("="))
		if !simple {
			if len(rest) < 8 {
				return nil, errors.New("the length of a value is incomplete")
			}
			length := binary.LittleEndian.Uint64(rest)
			rest = rest[8:]
			if uint64(len(rest)) < length+1 || rest[length] != '\n' {
				return nil, errors.New("the length of a value is wrong")
			}
			value, rest = rest[:length], rest[length+1:]
		}
		if !validName.Match(key) {
			return nil, fmt.Errorf("invalid field name %q", key)
		}
		fields[string(key)] = append(fields[string(key)], string(value))
		b = rest
	}
	return fields, nil
}

func expectFields(t *testing.T, fields map[string][]string, wanted map[string]string) {
	t.Helper()
	for key, value := range wanted {
		if got := fields[key]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %.200q, want %.200q", key, got, value)
		}
	}
}

func TestEntryHasFieldsOfZap(t *testing.T) {
	j := newJournald(t)
	log := j.log.With(zap.String("listener", "https"))
	log.Error("POST failed", NoSpace.Field(), zap.Int("status", 507), zap.Error(errors.New("the disk is full")),
		zap.Duration("took", 1500*time.Millisecond), zap.Time("at", time.Unix(0, 0).UTC()), zap.Stringer("address", &net.UnixAddr{Name: "/a"}),
		zap.ByteString("stack", []byte("two\nlines\x00")), zap.Bool("first", true), zap.Strings("names", []string{"a", "b"}),
		zap.String("größe-in.Bytes", "1"))
	fields := j.next(t)
	expectFields(t, fields, map[string]string{
		"MESSAGE": "POST failed: the disk is full", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "foobar", "MESSAGE_ID": string(NoSpace),
		"FOOBAR_LISTENER": "https", "FOOBAR_STATUS": "507", "FOOBAR_ERROR": "the disk is full", "FOOBAR_TOOK": "1.5s",
		"FOOBAR_AT": "1970-01-01T00:00:00Z", "FOOBAR_ADDRESS": "/a", "FOOBAR_STACK": "two\nlines\x00", "FOOBAR_FIRST": "true",
		"FOOBAR_NAMES": `["a","b"]`, "FOOBAR_GR__E_IN_BYTES": "1",
	})
	if file := fields["CODE_FILE"]; len(file) != 1 || !strings.HasSuffix(file[0], "/journal_test.go") || len(fields["CODE_LINE"]) != 1 {
		t.Errorf("CODE_FILE is %q, CODE_LINE %q", file, fields["CODE_LINE"])
	}
	if len(fields) != 17 {
		t.Errorf("got %d fields, want 17: %v", len(fields), fields)
	}

	log.Info("two\nlines = one message")
	expectFields(t, j.next(t), map[string]string{"MESSAGE": "two\nlines = one message", "PRIORITY": "6", "FOOBAR_LISTENER": "https"})
	if text, err := os.ReadFile(j.stderr.Name()); len(text) > 0 || err != nil {
		t.Errorf("standard error has %q, %v", text, err)
	}
}

func TestLargeEntryIsTruncated(t *testing.T) {
	j := newJournald(t)
	long := strings.Repeat("ä", maxValue) // two bytes each
	j.log.Warn("long", zap.String("a", long), zap.String("b", long), zap.String("c", long), zap.String("d", long), zap.String("e", "short"))
	fields := j.next(t)
	cut := strings.Repeat("ä", maxValue/2)
	expectFields(t, fields, map[string]string{"MESSAGE": "long", "FOOBAR_A": cut, "FOOBAR_C": cut, "FOOBAR_E": "short",
		"FOOBAR_TRUNCATED": "FOOBAR_A FOOBAR_B FOOBAR_C FOOBAR_D"})
	if fields["FOOBAR_D"] != nil {
		t.Error("the entry exceeds maxEntry")
	}
	full := strings.Repeat("x", maxValue)
	j.log.Warn("full", zap.String("a", full), zap.String("b", full), zap.String("c", full), zap.String("d", full))
	expectFields(t, j.next(t), map[string]string{"FOOBAR_C": full, "FOOBAR_TRUNCATED": "FOOBAR_D"})
	if got := Shorten("aä", 2); got != "a" {
		t.Errorf("shorten splits a character: %q", got)
	}
}

// TestFullJournalDropsEntries logs while journald does not read. The logger does not wait,
// and the first entry that journald accepts again reports how many were dropped.
func TestFullJournalDropsEntries(t *testing.T) {
	j := newJournald(t)
	logged := make(chan int)
	go func() {
		n := 0
		for ; j.dropped < 3; n++ {
			j.log.Info("entry", zap.Int("n", n))
		}
		logged <- n
	}()
	var n int
	select {
	case n = <-logged:
	case <-time.After(10 * time.Second):
		t.Fatal("the logger waits for journald")
	}
	for i := range n - 3 {
		expectFields(t, j.next(t), map[string]string{"FOOBAR_N": fmt.Sprint(i)})
	}
	j.log.Info("after")
	expectFields(t, j.next(t), map[string]string{"PRIORITY": "4", "MESSAGE_ID": string(EntriesLost), "MESSAGE": "3 log entries were dropped: the journal's queue was full"})
	expectFields(t, j.next(t), map[string]string{"MESSAGE": "after"})
	j.log.Info("reported once")
	expectFields(t, j.next(t), map[string]string{"MESSAGE": "reported once"})
}

func TestStandardErrorIsFallback(t *testing.T) {
	j := newJournald(t)
	j.conn.Close()
	j.log.With(zap.String("k", "v")).Error("logged anyway", zap.Int("n", 1))
	text, err := os.ReadFile(j.stderr.Name())
	if err != nil || !strings.Contains(string(text), `"message":"logged anyway","k":"v","n":1`) {
		t.Errorf("standard error has %q, %v", text, err)
	}
}

func TestConsoleOmitsMessageID(t *testing.T) {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey = zapcore.OmitKey
	line, err := (&lineEncoder{Encoder: zapcore.NewConsoleEncoder(c), console: true}).EncodeEntry(zapcore.Entry{Message: "m"}, []zapcore.Field{Started.Field(), zap.Int("n", 1)})
	if err != nil || line.String() != "info\tm\t{\"n\": 1}\n" {
		t.Errorf("on a terminal: %q, %v", line, err)
	}
}

// FuzzEntry checks that journald can read every entry, and that the entry has all
// that was logged.
func FuzzEntry(f *testing.F) {
	f.Add("message", "key", "value")
	f.Add("two\nlines", "_a=b\n", "\n\x00")
	f.Add("", strings.Repeat("k", 100), strings.Repeat("ä", maxValue))
	f.Fuzz(func(t *testing.T, message, key, value string) {
		b := encode(zapcore.Entry{Message: message}, []zapcore.Field{zap.String("x"+key, value)})
		if len(b) > maxEntry+maxValue {
			t.Errorf("%d bytes", len(b))
		}
		fields, err := parse(b)
		if err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		wanted := map[string]string{"MESSAGE": Shorten(message, maxValue), "PRIORITY": "6"}
		full := prefix + fieldName("x"+key)
		wanted[full[:min(len(full), maxName)]] = Shorten(value, maxValue)
		expectFields(t, fields, wanted)
	})
}

func BenchmarkEntry(b *testing.B) {
	fields := []zapcore.Field{zap.String("method", "GET"), zap.Int("status", 200), zap.Duration("duration", time.Millisecond), zap.String("path", "/")}
	b.ReportAllocs()
	for b.Loop() {
		encode(zapcore.Entry{Message: "GET / 200"}, fields)
	}
}
