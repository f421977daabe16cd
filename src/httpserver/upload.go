package httpserver

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// errAnswered ends a body that nobody reads any more.
var errAnswered = errors.New("the request is answered")

// An upload is the body of a request as its DATA frames bring it. What the
// Handler has not read yet is no more than the windows allow, RFC 9113, section
// 6.9.
type upload struct {
	s        *session
	st       *stream
	started  bool
	deadline *time.Timer

	// What follows is under the session's mu.
	more     sync.Cond // data, or err
	data     []byte    // as it came
	at       int       // how much of data is read
	ended    bool      // the client has sent all of it
	err      error     // after data; io.EOF after a whole body
	received int64
	window   int64 // what the client may still send
	unread   int64 // read, and not yet given back to window
}

func (u *upload) init(s *session, st *stream, ended bool) {
	u.s, u.st, u.window = s, st, uploadWindow
	u.more.L = &s.mu
	if ended {
		u.ended, u.err = true, io.EOF
	}
}

// Read implements io.Reader, for the Handler.
func (u *upload) Read(p []byte) (int, error) {
	s := u.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u.start()
	for u.at == len(u.data) && u.err == nil {
		u.more.Wait()
	}
	if u.at == len(u.data) {
		return 0, u.err
	}
	n := copy(p, u.data[u.at:])
	if u.at += n; u.at == len(u.data) {
		u.data, u.at = u.data[:0], 0
	}
	u.st.in += int64(n)
	u.giveBack(int64(n))
	s.emit()
	return n, nil
}

// start lets the client begin where it waits for that, RFC 9110, section
// 10.1.1, and gives it the time that it has.
func (u *upload) start() {
	if u.started || u.err != nil {
		return
	}
	u.started = true
	limit := u.s.e.terms.Load().Body
	u.deadline = time.AfterFunc(limit, func() {
		u.s.mu.Lock()
		defer u.s.mu.Unlock()
		u.close(os.ErrDeadlineExceeded)
	})
	if u.st.expect && len(u.data) == 0 {
		u.s.outbox.headers(u.st.id, u.s.e.sections.goOn, false)
		u.s.emit()
	}
}

// take adds what a frame brought, if anybody reads it.
func (u *upload) take(b []byte) {
	u.received += int64(len(b))
	if u.err != nil {
		u.s.giveBack(int64(len(b)))
		return
	}
	if u.at > 0 {
		u.data = append(u.data[:0], u.data[u.at:]...)
		u.at = 0
	}
	u.data = append(u.data, b...)
	u.more.Broadcast()
}

// close ends the body; the first error counts, but that a whole body cannot be
// read to its end any more.
func (u *upload) close(err error) {
	if u.deadline != nil {
		u.deadline.Stop()
	}
	left := len(u.data) - u.at
	if u.err == nil || u.err == io.EOF && err != io.EOF && left > 0 {
		u.err = err
	}
	if u.err != io.EOF {
		u.data, u.at = nil, 0
		u.s.giveBack(int64(left))
	}
	u.more.Broadcast()
}

// giveBack opens the windows again for n bytes that were read, once it is worth
// a frame.
func (u *upload) giveBack(n int64) {
	u.s.giveBack(n)
	u.unread += n
	if u.unread < uploadWindow/2 || u.ended {
		return
	}
	u.s.outbox.open(u.st.id, u.unread)
	u.window += u.unread
	u.unread = 0
}

// giveBack does so for the connection's window.
func (s *session) giveBack(n int64) {
	l := &s.limits
	if l.unread += n; l.unread < uploadWindow/2 {
		return
	}
	s.outbox.open(0, l.unread)
	l.in += l.unread
	l.unread = 0
}
