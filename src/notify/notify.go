// Package notify speaks the protocol of sd_notify(3) over a socket that
// systemd has connected for us (OpenFile= in the unit), since the unit denies
// the service to open one of its own.
package notify

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier tells the service manager how the service is. Without a manager
// its methods do nothing.
type Notifier struct {
	w io.Writer
}

// New returns a Notifier that writes a datagram for each message to w, or one
// that does nothing if w is nil.
func New(w io.Writer) *Notifier { return &Notifier{w} }

// Ready says that the service has started or has reloaded.
func (n *Notifier) Ready(status string) error { return n.send("READY=1", statusLine(status)) }

// Status sets the line that `systemctl status` shows.
func (n *Notifier) Status(status string) error { return n.send(statusLine(status)) }

// Stopping says that the service has begun to stop and may take limit for it,
// whatever TimeoutStopSec= says.
func (n *Notifier) Stopping(status string, limit time.Duration) error {
	extend := "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(limit.Microseconds(), 10)
	return n.send("STOPPING=1", extend, statusLine(status))
}

// Watchdog feeds the watchdog.
func (n *Notifier) Watchdog(status string) error { return n.send("WATCHDOG=1", statusLine(status)) }

// Reloading says that the service has begun to reload; Ready ends it.
// Type=notify-reload wants the time in the same datagram.
func (n *Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	usec := now.Nano() / int64(time.Microsecond)
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(usec, 10))
}

func (n *Notifier) send(lines ...string) error {
	if n.w == nil {
		return nil
	}
	if _, err := io.WriteString(n.w, strings.Join(lines, "\n")); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// statusLine keeps a status from being read as further assignments.
func statusLine(status string) string {
	return "STATUS=" + strings.ReplaceAll(status, "\n", " ")
}

// WatchdogInterval returns how often to call Alive: a third of the time that
// $WATCHDOG_USEC allows, or 0 where no watchdog is set. $WATCHDOG_PID is not
// compared: it is of the manager's PID namespace, which need not be ours.
func WatchdogInterval(usec string) (time.Duration, error) {
	if usec == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(time.Hour*24*365/time.Microsecond) {
		return 0, fmt.Errorf("WATCHDOG_USEC=%q: not a number of microseconds", usec)
	}
	return time.Duration(n) * time.Microsecond / 3, nil
}
