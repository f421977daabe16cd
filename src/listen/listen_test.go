package listen

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inherit returns a listening TCP socket as systemd would hand it over under
// name.
func inherit(t *testing.T, name string) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return rename(t, l.(*net.TCPListener).File, name)
}

func rename(t *testing.T, file func() (*os.File, error), name string) *os.File {
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

func TestInheritedByName(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "admin.sock")
	unix, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	admin := rename(t, unix.(*net.UnixListener).File, Admin)
	s, err := open([]*os.File{inherit(t, Metrics), inherit(t, HTTPS), admin}, Addresses{})
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]net.Listener{HTTPS: s.HTTPS, Metrics: s.Metrics, Admin: s.Admin} {
		c, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.Close()
	}
	s.Close()
	if _, err := os.Stat(sock); err != nil {
		t.Errorf("systemd's socket file was removed: %v", err)
	}
}

func TestListenersByFlag(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "admin.sock")
	s, err := open(nil, Addresses{HTTPS: "127.0.0.1:0", Metrics: "127.0.0.1:0", Admin: sock})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.HTTPS == nil || s.Metrics == nil || s.Admin == nil {
		t.Errorf("some are missing: %+v", s)
	}
}

func TestErrors(t *testing.T) {
	datagram, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagram.Close()
	for name, test := range map[string]struct {
		inherited []*os.File
		flags     Addresses
		want      string
	}{
		"none":    {nil, Addresses{}, "no listener for HTTPS"},
		"unknown": {[]*os.File{inherit(t, "http")}, Addresses{}, `inherited socket "http": unknown name: allowed as FileDescriptorName= is https, metrics, admin`},
		"unnamed": {[]*os.File{inherit(t, "unknown")}, Addresses{HTTPS: "127.0.0.1:0"}, `inherited socket "unknown": unknown name`},
		"twice":   {[]*os.File{inherit(t, HTTPS), inherit(t, HTTPS)}, Addresses{}, `inherited socket "https": a second one`},
		"both":    {[]*os.File{inherit(t, HTTPS)}, Addresses{HTTPS: "127.0.0.1:0"}, "-listen 127.0.0.1:0: systemd has handed over this listener already"},
		"no stream": {[]*os.File{rename(t, datagram.(*net.UDPConn).File, HTTPS)}, Addresses{},
			`inherited socket "https": not a listening stream socket`},
		"bad address":  {nil, Addresses{HTTPS: "127.0.0.1"}, "-listen 127.0.0.1: "},
		"only metrics": {[]*os.File{inherit(t, Metrics)}, Addresses{}, "no listener for HTTPS"},
		"second notify": {[]*os.File{rename(t, datagram.(*net.UDPConn).File, Notify), rename(t, datagram.(*net.UDPConn).File, Notify)}, Addresses{},
			`inherited socket "notify": a second one`},
	} {
		t.Run(name, func(t *testing.T) {
			// The error can be said, wherever among the sockets the journal's is.
			journal := rename(t, datagram.(*net.UDPConn).File, Journal)
			s, err := open(append(test.inherited, journal), test.flags)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if s.Journal != journal || s.HTTPS != nil || s.Notify != nil {
				t.Errorf("left are %+v", s)
			}
			if _, err := journal.Stat(); err != nil {
				t.Errorf("the journal's socket: %v", err)
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s…", err, test.want)
			}
		})
	}
}
