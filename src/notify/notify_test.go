package notify

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newManager returns a datagram socket in the place of systemd's, and a Notifier
// connected to it.
func newManager(t *testing.T) (*net.UnixConn, *Notifier) {
	t.Helper()
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	m, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	c, err := net.DialUnix("unixgram", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return m, New(f)
}

func receive(t *testing.T, m *net.UnixConn) string {
	t.Helper()
	m.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 4096)
	n, err := m.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestMessages(t *testing.T) {
	m, n := newManager(t)
	for want, send := range map[string]func() error{
		"READY=1\nSTATUS=serving": func() error { return n.Ready("serving") },
		"STATUS=busy":             func() error { return n.Status("busy") },
		"STOPPING=1\nEXTEND_TIMEOUT_USEC=2000000\nSTATUS=stopping": func() error { return n.Stopping("stopping", 2*time.Second) },
		"WATCHDOG=1\nSTATUS=a b=c":                                 func() error { return n.Watchdog("a\nb=c") },
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReloadingSendsMonotonicTime(t *testing.T) {
	m, n := newManager(t)
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	usec, ok := strings.CutPrefix(receive(t, m), "RELOADING=1\nMONOTONIC_USEC=")
	if !ok {
		t.Fatal("Reloading did not send RELOADING=1 and MONOTONIC_USEC= in one datagram")
	}
	sent, err := strconv.ParseInt(usec, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	if age := now.Nano()/1000 - sent; age < 0 || age > 60e6 {
		t.Errorf("the time sent is %d microseconds old", age)
	}
}

func TestWithoutManager(t *testing.T) {
	if err := New(nil).Ready("serving"); err != nil {
		t.Error(err)
	}
}

func TestErrorOfClosedManager(t *testing.T) {
	m, n := newManager(t)
	m.Close()
	if err := n.Ready("serving"); err == nil {
		t.Error("no error")
	}
}

func TestWatchdogInterval(t *testing.T) {
	for in, want := range map[string]time.Duration{"": 0, "30000000": 10 * time.Second, "3000": time.Millisecond} {
		got, err := WatchdogInterval(in)
		if err != nil || got != want {
			t.Errorf("WatchdogInterval(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"0", "-1", "soon", "99999999999999999999"} {
		if _, err := WatchdogInterval(in); err == nil {
			t.Errorf("WatchdogInterval(%q): no error", in)
		}
	}
}
