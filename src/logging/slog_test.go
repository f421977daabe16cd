package logging

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// TestSlog logs by the standard library into the journal.
func TestSlog(t *testing.T) {
	j := newJournald(t)
	log := Slog(j.log.With(zap.String("listener", "https"))).With("feed", "news").WithGroup("response")
	log.Error("fetch failed", "error", errors.New("refused"), slog.Group("header", "etag", `"a"`), "took", time.Second, "status", 502)
	fields := j.next(t)
	expectFields(t, fields, map[string]string{
		"MESSAGE": "fetch failed", "PRIORITY": "3", "FOOBAR_LISTENER": "https", "FOOBAR_FEED": "news",
		"FOOBAR_RESPONSE_ERROR": "refused", "FOOBAR_RESPONSE_HEADER_ETAG": `"a"`, "FOOBAR_RESPONSE_TOOK": "1s", "FOOBAR_RESPONSE_STATUS": "502",
	})
	if file := fields["CODE_FILE"]; len(file) != 1 || !strings.HasSuffix(file[0], "slog_test.go") {
		t.Errorf("CODE_FILE is %q", file)
	}
	Slog(j.log).Warn("fetch failed", "error", errors.New("refused"))
	expectFields(t, j.next(t), map[string]string{"MESSAGE": "fetch failed: refused", "PRIORITY": "4", "FOOBAR_ERROR": "refused"})

	Slog(j.log).Debug("left out") // the level is info
	Slog(j.log).Info("next")
	expectFields(t, j.next(t), map[string]string{"MESSAGE": "next", "PRIORITY": "6"})
}

// TestSlogLine logs by the standard library where there is no journal.
func TestSlogLine(t *testing.T) {
	got := logged(t, true, zap.InfoLevel, func(l *zap.Logger) { Slog(l).Error("e", "k", "v") })
	if want := `<3>{"level":"error","message":"e","k":"v"}` + "\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
