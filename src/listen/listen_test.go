package listen

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inherit returns a listening TCP socket as systemd would pass it under name.
func inherit(t *testing.T, name string) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return duplicate(t, l.(*net.TCPListener).File, name)
}

// duplicate returns a copy of a socket's descriptor under name.
func duplicate(t *testing.T, file func() (*os.File, error), name string) *os.File {
	t.Helper()
	f, err := file()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), name)
}

func TestOpenAssignsByName(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "admin.sock")
	unix, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	admin := duplicate(t, unix.(*net.UnixListener).File, Admin)
	s, err := open([]*os.File{inherit(t, HTTPS), inherit(t, Metrics), inherit(t, HTTPS), admin}, Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	for name, listeners := range map[string][]net.Listener{HTTPS: s.HTTPS, Metrics: s.Metrics, Admin: s.Admin} {
		if want := map[string]int{HTTPS: 2, Metrics: 1, Admin: 1}[name]; len(listeners) != want {
			t.Errorf("%s: %d listeners, want %d", name, len(listeners), want)
		}
		for _, l := range listeners {
			c, err := net.Dial(l.Addr().Network(), l.Addr().String())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			c.Close()
		}
	}
	s.Close()
	if _, err := os.Stat(sock); err != nil {
		t.Errorf("Close removed the socket file of systemd: %v", err)
	}
}

func TestOpenListensByFlag(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "admin.sock")
	s, err := open(nil, Addresses{HTTPS: "127.0.0.1:0", Metrics: "127.0.0.1:0", Admin: sock})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.HTTPS) != 1 || len(s.Metrics) != 1 || len(s.Admin) != 1 {
		t.Errorf("a listener is missing: %+v", s)
	}
}

func TestOpenErrors(t *testing.T) {
	datagram, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagram.Close()
	abstract, err := net.Listen("unix", fmt.Sprintf("@foobar-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	for name, test := range map[string]struct {
		inherited []*os.File
		flags     Addresses
		want      string
	}{
		"none":    {nil, Addresses{}, "no listener for HTTPS"},
		"unknown": {[]*os.File{inherit(t, "http")}, Addresses{}, `inherited socket "http": unknown name: FileDescriptorName= must be https, metrics or admin, and the name in OpenFile= notify or journal`},
		"unnamed": {[]*os.File{inherit(t, "unknown")}, Addresses{HTTPS: "127.0.0.1:0"}, `inherited socket "unknown": unknown name`},
		"both":    {[]*os.File{inherit(t, HTTPS)}, Addresses{HTTPS: "127.0.0.1:0"}, "-listen 127.0.0.1:0: systemd has passed this listener already"},
		"no stream": {[]*os.File{duplicate(t, datagram.(*net.UDPConn).File, HTTPS)}, Addresses{},
			`inherited socket "https": not a listening stream socket`},
		"admin by TCP": {[]*os.File{inherit(t, HTTPS), inherit(t, Admin)}, Addresses{},
			`inherited socket "admin": not at a path`},
		"admin without a file": {[]*os.File{inherit(t, HTTPS), duplicate(t, abstract.(*net.UnixListener).File, Admin)}, Addresses{},
			`inherited socket "admin": not at a path`},
		"bad address":  {nil, Addresses{HTTPS: "127.0.0.1"}, "-listen 127.0.0.1: "},
		"only metrics": {[]*os.File{inherit(t, Metrics)}, Addresses{}, "no listener for HTTPS"},
		"changed": {[]*os.File{inherit(t, HTTPS), inherit(t, Metrics), duplicate(t, datagram.(*net.UDPConn).File, Notify)}, Addresses{},
			"systemd has not passed all sockets, "},
		"second notify": {[]*os.File{duplicate(t, datagram.(*net.UDPConn).File, Notify), duplicate(t, datagram.(*net.UDPConn).File, Notify)}, Addresses{},
			`inherited socket "notify": systemd passed two sockets of this name`},
	} {
		t.Run(name, func(t *testing.T) {
			// The journal's socket must stay open wherever it is among the sockets.
			journal := duplicate(t, datagram.(*net.UDPConn).File, Journal)
			s, err := open(append(test.inherited, journal), test.flags)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if s.Journal != journal || s.HTTPS != nil || s.Notify != nil {
				t.Errorf("the sockets after the error are %+v, want the journal's alone", s)
			}
			if _, err := journal.Stat(); err != nil {
				t.Errorf("the journal's socket is closed: %v", err)
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s…", err, test.want)
			}
		})
	}
}
