package admin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// Any process may listen where the service does not, and what it says goes to
// an administrator's terminal.
func TestAnotherServerCannotSteerTheTerminal(t *testing.T) {
	const hostile = "\x1b]0;owned\a\nsecond \u202eline"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			io.WriteString(w, "# TYPE foobar_build_info gauge\nfoobar_build_info{version=\"\x1b]0;owned\a\"} 1\n")
			return
		}
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, hostile+strings.Repeat("x", 1<<20))
	}))
	defer s.Close()
	f, err := ReadFigures(s.URL + "/metrics")
	if err != nil || f.Version != "?]0;owned?" {
		t.Errorf("version %q, %v", f.Version, err)
	}
	_, err = ReadFigures(s.URL + "/other")
	if err == nil || len(err.Error()) > 2*maxSentence || !strings.HasPrefix(err.Error(), "?]0;owned??second ?line") {
		t.Errorf("error %.100q", err)
	}
}

// endless serves figures that do not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "foobar_x 1\n"), nil }

func TestFiguresEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, endless{}) }))
	defer s.Close()
	if _, err := ReadFigures(s.URL); err == nil {
		t.Error("no error")
	}
}

func TestNoAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if err := Socket(path).Get(io.Discard); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "without an answer") {
		t.Errorf("a connection that is closed: %v", err)
	}
}
