package clients

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A server is one whose mistakes each test chooses, by the number of the write.
type server struct {
	mu     sync.Mutex
	value  string
	writes int
	lose   func(write int) bool // the acknowledged
	cut    func(write int) bool // the answered
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := strconv.Quote(s.value)
	if r.Method == http.MethodGet {
		w.Header().Set("ETag", tag)
		io.WriteString(w, s.value)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != tag {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	s.writes++
	if s.lose == nil || !s.lose(s.writes) {
		s.value = string(body)
	}
	if s.cut != nil && s.cut(s.writes) {
		panic(http.ErrAbortHandler)
	}
}

func (s *server) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func load(t *testing.T, s *server) Result {
	t.Helper()
	h := httptest.NewUnstartedServer(s)
	h.EnableHTTP2 = true
	h.StartTLS()
	t.Cleanup(h.Close)
	l, err := Start(Server{Address: h.Listener.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}}, Profiles(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.made() < 40 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	res, err := l.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func failures(r Result) (n int) {
	for _, k := range r.Profiles {
		n += len(k.Failed) + k.CloseRaces
	}
	return n
}

func TestNothingFails(t *testing.T) {
	res := load(t, &server{})
	if failures(res) > 0 || len(res.Lost) > 0 || !strings.Contains(res.String(), "HTTP/2, new") {
		t.Errorf("%v\n%v", res, res.Lost)
	}
	for _, k := range res.Profiles {
		if k.Profile.Pause < 100*time.Millisecond && (k.Answered == 0 || k.Longest == 0) {
			t.Errorf("%s: %d answered, the longest after %v", k.Profile.Name, k.Answered, k.Longest)
		}
	}
}

func TestLostWritesAreSeen(t *testing.T) {
	if res := load(t, &server{lose: func(n int) bool { return n == 10 }}); len(res.Lost) == 0 || failures(res) > 0 {
		t.Errorf("%v\n%v", res, res.Lost)
	}
}

// A write that is made and not answered is a failure, and not a loss.
func TestUnansweredRequestsAreSeen(t *testing.T) {
	if res := load(t, &server{cut: func(n int) bool { return n == 10 || n == 20 }}); failures(res) != 2 || len(res.Lost) > 0 {
		t.Errorf("%v\n%v", res, res.Lost)
	}
}
