package listen

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// socketMode is the file mode of a socket that a flag names. Whoever may write
// to the socket may write the state.
const socketMode = 0o600

// listenUnix opens an AF_UNIX socket for the user of the process, whatever the
// umask is, and replaces one that a process has left which was killed.
func listenUnix(path string) (net.Listener, error) {
	// A bound socket's file gets the mode of its descriptor (unix(7)), so there is
	// no moment at which another user could connect.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), socketMode) }), err)
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) || !isAbandoned(path) {
		return l, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return config.Listen(context.Background(), "unix", path)
}

// isAbandoned reports whether no process listens at a socket's path.
func isAbandoned(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	info, statErr := os.Lstat(path)
	return errors.Is(err, syscall.ECONNREFUSED) && statErr == nil && info.Mode().Type() == os.ModeSocket
}
