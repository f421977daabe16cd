package load

import (
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is the connection below TLS. It blocks, as a net.Conn does, until
// detach takes it out of the Go runtime's poller; from then on reading it
// returns errWouldBlock where there is nothing to read.
type socket struct {
	net.Conn
	fd int // once detached
}

// errWouldBlock is temporary: crypto/tls keeps what it has of a record, and the
// connection stays usable.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// detach moves the connection to a file descriptor that the runtime's poller
// does not know: the runtime would be woken up for each response otherwise.
func (s *socket) detach() error {
	if s.fd != 0 {
		return nil
	}
	conn, ok := s.Conn.(syscall.Conn)
	if !ok {
		return errors.New("the connection has no file descriptor")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) }); err != nil {
		return err
	}
	if dupErr != nil {
		return dupErr
	}
	return s.Conn.Close()
}

// Read implements net.Conn.
func (s *socket) Read(b []byte) (int, error) {
	if s.fd == 0 {
		return s.Conn.Read(b)
	}
	for {
		n, err := unix.Read(s.fd, b)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errWouldBlock
		case err != nil:
			return 0, err
		case n == 0:
			return 0, net.ErrClosed
		default:
			return n, nil
		}
	}
}

// Write implements net.Conn. A detached socket sends requests that fit into its
// buffer only.
func (s *socket) Write(b []byte) (int, error) {
	if s.fd == 0 {
		return s.Conn.Write(b)
	}
	n, err := unix.Write(s.fd, b)
	if err == nil && n < len(b) {
		err = errors.New("the request does not fit into the socket's buffer")
	}
	return max(n, 0), err
}

// Close implements net.Conn.
func (s *socket) Close() error {
	if s.fd == 0 {
		return s.Conn.Close()
	}
	return unix.Close(s.fd)
}

// SetDeadline implements net.Conn. A detached socket has no deadlines.
func (s *socket) SetDeadline(t time.Time) error {
	if s.fd == 0 {
		return s.Conn.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	if s.fd == 0 {
		return s.Conn.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	if s.fd == 0 {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}
