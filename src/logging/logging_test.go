package logging

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// logged returns what log writes to standard error, which is the journal's
// stream if journal is true.
func logged(t *testing.T, journal bool, level zapcore.LevelEnabler, log func(*zap.Logger)) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := Options{Output: f, Level: level}
	if journal {
		var s unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &s); err != nil {
			t.Fatal(err)
		}
		o.JournalStream = fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	log(New(o))
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinesHavePriorities(t *testing.T) {
	level := zap.NewAtomicLevelAt(zap.DebugLevel)
	got := logged(t, true, level, func(l *zap.Logger) {
		l.Debug("d")
		l.Info("i", zap.Int("n", 1), zap.Duration("d", time.Second), zap.Time("t", time.Unix(0, 0).UTC()))
		l.Warn("w")
		l.With(zap.String("k", "v")).Error("e")
	})
	want := `<7>{"level":"debug","message":"d"}
<6>{"level":"info","message":"i","n":1,"d":"1s","t":"1970-01-01T00:00:00Z"}
<4>{"level":"warn","message":"w"}
<3>{"level":"error","message":"e","k":"v"}
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestEntryIsOneLine(t *testing.T) {
	got := logged(t, false, zap.InfoLevel, func(l *zap.Logger) { l.Info("two\nlines", zap.String("k", "a\nb")) })
	if strings.Count(got, "\n") != 1 {
		t.Errorf("more than one line: %q", got)
	}
	var entry map[string]any
	if err := json.Unmarshal([]byte(got), &entry); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if entry["message"] != "two\nlines" || entry["ts"] == nil {
		t.Errorf("entry is %v", entry)
	}
}

func TestLevelCanChange(t *testing.T) {
	level := zap.NewAtomicLevelAt(zap.ErrorLevel)
	got := logged(t, true, level, func(l *zap.Logger) {
		l.Info("before")
		level.SetLevel(zap.InfoLevel)
		l.Info("after")
	})
	if strings.Contains(got, "before") || !strings.Contains(got, "after") {
		t.Errorf("got %q", got)
	}
}
