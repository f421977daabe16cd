// Package listen collects the sockets of the service: those that systemd hands
// over by name (sd_listen_fds(3)), and those that command-line flags ask for.
//
// The unit denies the service to open sockets. Under systemd the package
// therefore never calls socket(2); it does so only for the flags. An Acceptor accepts
// the connections of all sockets with one name.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// The names of the sockets.
const (
	// The listeners have the names that are FileDescriptorName= in the .socket units.
	HTTPS   = "https"
	Metrics = "metrics"
	Admin   = "admin"

	// OpenFile= in the unit connects these datagram sockets to systemd's notification
	// socket and to the journal.
	Notify  = "notify"
	Journal = "journal"
)

// ErrMissing is the error of a process that systemd has not passed all sockets of
// its unit: systemd closes an open socket when its address is changed.
var ErrMissing = errors.New("systemd has not passed all sockets, because the address of one was changed while it was open: " +
	"restart its .socket unit (systemctl restart foobar.socket), which opens it again")

// Sockets are the sockets of the service. HTTPS is never empty; the others are
// empty or nil if neither systemd nor a flag provides them.
type Sockets struct {
	HTTPS, Metrics, Admin []net.Listener
	Notify, Journal       *os.File
}

// Addresses are the addresses of the flags, empty for a flag that is not set.
// Admin is the path of an AF_UNIX socket, the others are host:port.
type Addresses struct {
	HTTPS, Metrics, Admin string
}

// Open returns the inherited sockets and those that it opens at the addresses.
// Every error but ErrMissing is an error of configuration. The returned Sockets
// are not nil with an error either: they have the journal's socket, so that the
// error can be logged, and no other.
func Open(a Addresses) (*Sockets, error) {
	return open(activation.Files(true), a)
}

func open(inherited []*os.File, a Addresses) (*Sockets, error) {
	s := &Sockets{}
	var err error
	for _, f := range inherited {
		err = errors.Join(err, s.assign(f)) // also after an error: the journal's may be the last
	}
	if err == nil {
		err = s.listen(a)
	}
	if err != nil {
		s.Close()
		return &Sockets{Journal: s.Journal}, err
	}
	return s, nil
}

// assign assigns an inherited socket to the field of its name.
func (s *Sockets) assign(f *os.File) error {
	datagram := map[string]**os.File{Notify: &s.Notify, Journal: &s.Journal}[f.Name()]
	if datagram != nil && *datagram == nil {
		*datagram = f
		return nil
	}
	defer f.Close() // FileListener duplicates the descriptor
	listeners := map[string]*[]net.Listener{HTTPS: &s.HTTPS, Metrics: &s.Metrics, Admin: &s.Admin}[f.Name()]
	switch {
	case datagram != nil:
		return fmt.Errorf("inherited socket %q: systemd passed two sockets of this name: use the name in one OpenFile=", f.Name())
	case listeners == nil:
		return fmt.Errorf("inherited socket %q: unknown name: FileDescriptorName= must be %s, %s or %s, and the name in OpenFile= %s or %s",
			f.Name(), HTTPS, Metrics, Admin, Notify, Journal)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("inherited socket %q: not a listening stream socket: %w", f.Name(), err)
	}
	u, isUnix := l.(*net.UnixListener)
	if isUnix {
		u.SetUnlinkOnClose(false) // systemd made the file, and removes it (RemoveOnStop=)
	}
	if f.Name() == Admin && (!isUnix || strings.HasPrefix(l.Addr().String(), "@")) {
		l.Close()
		return fmt.Errorf("inherited socket %q: not at a path: ListenStream= must be one, as the mode of its file says who may write without a token", Admin)
	}
	*listeners = append(*listeners, l)
	return nil
}

// listen opens a listener for each address.
func (s *Sockets) listen(a Addresses) error {
	listenTCP := func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	err := errors.Join(
		add(&s.HTTPS, "-listen", a.HTTPS, listenTCP),
		add(&s.Metrics, "-metrics-listen", a.Metrics, listenTCP),
		add(&s.Admin, "-admin-listen", a.Admin, listenUnix))
	switch {
	case err != nil:
		return err
	case s.Notify != nil && (len(s.HTTPS) == 0 || len(s.Metrics) == 0 || len(s.Admin) == 0):
		return ErrMissing // a unit that passes Notify has a socket unit of each name
	case len(s.HTTPS) == 0:
		return errors.New("no listener for HTTPS: start foobar.socket with the service, or use -listen, such as -listen :8080")
	}
	return nil
}

// add adds a listener at the address of a flag, if it is set.
func add(listeners *[]net.Listener, flag, address string, listen func(string) (net.Listener, error)) error {
	if address == "" {
		return nil
	}
	if len(*listeners) > 0 {
		return fmt.Errorf("%s %s: systemd has passed this listener already: use either the flag or the .socket unit", flag, address)
	}
	l, err := listen(address)
	if err != nil {
		return fmt.Errorf("%s %s: %w", flag, address, err)
	}
	*listeners = append(*listeners, l)
	return nil
}

// socketMode is the file mode of a socket that a flag names. Whoever may write
// to the socket needs no token.
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

// Close closes all sockets but the journal's, which takes the log entries until
// the process ends.
func (s *Sockets) Close() {
	for _, l := range slices.Concat(s.HTTPS, s.Metrics, s.Admin) {
		l.Close()
	}
	s.Notify.Close() // which only returns an error where it is nil
}
