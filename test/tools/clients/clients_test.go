package clients

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// A server has the faults that a test chooses, by the number of the write.
type server struct {
	mu     sync.Mutex
	value  string
	writes int
	lose   func(write int) bool // acknowledge and lose the write
	abort  func(write int) bool // make the write and end the connection
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
	if s.abort != nil && s.abort(s.writes) {
		panic(http.ErrAbortHandler)
	}
}

func (s *server) writesMade() int {
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
	for deadline := time.Now().Add(20 * time.Second); s.writesMade() < 40 && time.Now().Before(deadline); {
		if err := l.AwaitResponses(1, 20*time.Second); err != nil {
			t.Fatal(err)
		}
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
		if k.Profile.Pause < 100*time.Millisecond && (k.Responses == 0 || k.Longest == 0) {
			t.Errorf("%s: %d responses, the longest after %v", k.Profile.Name, k.Responses, k.Longest)
		}
	}
}

func TestLostWritesAreSeen(t *testing.T) {
	if res := load(t, &server{lose: func(n int) bool { return n == 10 }}); len(res.Lost) == 0 || failures(res) > 0 {
		t.Errorf("%v\n%v", res, res.Lost)
	}
}

// TestUnansweredRequestsAreSeen leaves a write without a response, which counts as a
// failure and not as a lost write.
func TestUnansweredRequestsAreSeen(t *testing.T) {
	if res := load(t, &server{abort: func(n int) bool { return n == 10 || n == 20 }}); failures(res) != 2 || len(res.Lost) > 0 {
		t.Errorf("%v\n%v", res, res.Lost)
	}
}

// refuseFirst serves HTTP/2, and ends the first connection by a GOAWAY frame
// that names no stream: the client has to send its request again.
func refuseFirst(t *testing.T, l net.Listener, handler http.Handler) {
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	go refuseStreams(t, conn)
	if err := (&http.Server{Handler: handler}).Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func refuseStreams(t *testing.T, conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil {
		t.Errorf("preface: %v", err)
		return
	}
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return // the client has gone
		}
		if frame.Header().Type == http2.FrameHeaders {
			framer.WriteGoAway(0, http2.ErrCodeNo, nil)
		}
	}
}

func TestRefusedStreamsAreSentAgain(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: cert.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go refuseFirst(t, l, &server{value: "1"})
	underTest := &Load{server: Server{Address: l.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}}}
	group := &profileLoad{sum: Summary{Profile: Profile{HTTP2: true}}}
	c := underTest.newClient(group)
	defer c.close()
	if got, err := c.do(http.MethodGet, "", ""); err != nil || got.text != "1" {
		t.Errorf("GET: %q, %v", got.text, err)
	}
	if sum := group.summary(); sum.RefusedStreams != 1 || sum.Responses != 1 || len(sum.Failed) > 0 {
		t.Errorf("%+v", sum)
	}
}
