// Package listen finds the sockets that the service serves: those that systemd
// hands over by name, sd_listen_fds(3), and those that flags name.
//
// Opening a socket is the privilege that the unit takes away, so under systemd
// nothing here calls socket(2).
package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// The names of the listeners, and FileDescriptorName= in the .socket units.
const (
	HTTPS   = "https"
	Metrics = "metrics"
	Admin   = "admin"
)

// The names of the datagram sockets that OpenFile= connects: to systemd's
// notification socket, and to the journal's.
const (
	Notify  = "notify"
	Journal = "journal"
)

// Sockets are the sockets of the service. HTTPS is never nil; the others are
// nil where they were not asked for.
type Sockets struct {
	HTTPS, Metrics, Admin net.Listener
	Notify, Journal       *os.File
}

// Addresses are what the flags ask for; empty means no such flag. Admin is the
// path of an AF_UNIX socket, the others are host:port.
type Addresses struct {
	HTTPS, Metrics, Admin string
}

// Open returns the inherited sockets and opens those in a. Every error is one
// of configuration; the Sockets are then the journal's alone, where the error
// can be said.
func Open(a Addresses) (*Sockets, error) {
	return open(activation.Files(true), a)
}

func open(inherited []*os.File, a Addresses) (*Sockets, error) {
	s := &Sockets{}
	if err := s.fill(inherited, a); err != nil {
		s.Close()
		return &Sockets{Journal: s.Journal}, err
	}
	return s, nil
}

func (s *Sockets) fill(inherited []*os.File, a Addresses) (err error) {
	for _, f := range inherited { // all, as the journal's may be the last
		err = errors.Join(err, s.take(f))
	}
	if err != nil {
		return err
	}
	for _, l := range []struct {
		flag, network, address string
		to                     *net.Listener
	}{
		{"-listen", "tcp", a.HTTPS, &s.HTTPS},
		{"-metrics-listen", "tcp", a.Metrics, &s.Metrics},
		{"-admin-listen", "unix", a.Admin, &s.Admin},
	} {
		if l.address == "" {
			continue
		}
		if *l.to != nil {
			return fmt.Errorf("%s %s: systemd has handed over this listener already: use the flag or the .socket unit, not both", l.flag, l.address)
		}
		if *l.to, err = net.Listen(l.network, l.address); err != nil {
			return fmt.Errorf("%s %s: %w", l.flag, l.address, err)
		}
	}
	if s.HTTPS == nil {
		return errors.New("no listener for HTTPS: start foobar.socket with the service, or give -listen, such as -listen :8080")
	}
	return nil
}

// take puts an inherited descriptor in its place.
func (s *Sockets) take(f *os.File) error {
	place, ok := map[string]*net.Listener{HTTPS: &s.HTTPS, Metrics: &s.Metrics, Admin: &s.Admin}[f.Name()]
	opened, kept := map[string]**os.File{Notify: &s.Notify, Journal: &s.Journal}[f.Name()]
	switch {
	case kept && *opened == nil:
		*opened = f
		return nil
	case kept, ok && *place != nil:
		return fmt.Errorf("inherited socket %q: a second one of this name: give FileDescriptorName=%[1]s to one socket, with one ListenStream=", f.Name())
	case !ok:
		return fmt.Errorf("inherited socket %q: unknown name: allowed as FileDescriptorName= is %s", f.Name(),
			strings.Join([]string{HTTPS, Metrics, Admin}, ", ")+", and "+Notify+" and "+Journal+" with OpenFile=")
	}
	// FileListener duplicates the descriptor.
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("inherited socket %q: not a listening stream socket: %w", f.Name(), err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		// The path is systemd's to remove.
		u.SetUnlinkOnClose(false)
	}
	*place = l
	return nil
}

// Close closes all of them but the journal's, which is for the last words of
// the process.
func (s *Sockets) Close() {
	for _, l := range []net.Listener{s.HTTPS, s.Metrics, s.Admin} {
		if l != nil {
			l.Close()
		}
	}
	if s.Notify != nil {
		s.Notify.Close()
	}
}
