package httpserver

import (
	"syscall"
	"time"
)

// readPending reads what has arrived although the deadline has passed: on a busy
// machine the goroutine wakes up late, and a request that is in the socket would
// fail. It returns timeout if nothing has arrived.
func (c *conn) readPending(p []byte, timeout error) (n int, _ error) {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		return 0, timeout
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, timeout
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(firstRequestGrace)) // for the rest of the request
	_ = raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	if n > 0 {
		return n, nil
	}
	return 0, timeout
}
