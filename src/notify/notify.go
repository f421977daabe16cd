// Package notify implements the service side of sd_notify(3): readiness,
// reload, status, watchdog and stop.
//
// It writes to a socket that systemd has connected already (OpenFile= in the
// unit), because the unit denies the service the sockets that sd_notify(3) or
// go-systemd's package daemon would open. It does not decide when the service is
// ready or healthy.
package notify

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier sends notifications to the service manager. Without a manager its
// methods do nothing. The status argument of a method is the text that
// `systemctl status` shows.
type Notifier struct {
	socket *os.File
}

// New returns a Notifier that writes each notification to a socket as one datagram,
// or one that does nothing if the socket is nil.
func New(socket *os.File) *Notifier { return &Notifier{socket} }

// Ready reports that the service has started or that a reload is complete.
func (n *Notifier) Ready(status string) error { return n.send("READY=1", statusLine(status)) }

// Status sets the status text.
func (n *Notifier) Status(status string) error { return n.send(statusLine(status)) }

// Stopping reports that the service is stopping. It extends the stop timeout to
// limit, whatever TimeoutStopSec= is.
func (n *Notifier) Stopping(status string, limit time.Duration) error {
	return n.send("STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", limit.Microseconds()), statusLine(status))
}

// Watchdog resets the watchdog timer.
func (n *Notifier) Watchdog(status string) error { return n.send("WATCHDOG=1", statusLine(status)) }

// Reloading reports that a reload has begun; Ready reports its end. The
// monotonic time is in the same datagram, as Type=notify-reload requires.
func (n *Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", time.Duration(now.Nano()).Microseconds()))
}

func (n *Notifier) send(assignments ...string) error {
	if n.socket == nil {
		return nil
	}
	if _, err := n.socket.WriteString(strings.Join(assignments, "\n")); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// statusLine replaces newlines, after which systemd would read another
// assignment.
func statusLine(status string) string {
	return "STATUS=" + strings.ReplaceAll(status, "\n", " ")
}

// WatchdogInterval returns the interval at which to call Watchdog: a third of
// usec, the value of $WATCHDOG_USEC in microseconds, or 0 if usec is empty
// (sd_watchdog_enabled(3)). $WATCHDOG_PID is not compared, because it is a PID
// in the manager's PID namespace, which can be another than the service's.
func WatchdogInterval(usec string) (time.Duration, error) {
	if usec == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(time.Hour*24*365/time.Microsecond) {
		return 0, fmt.Errorf("environment variable WATCHDOG_USEC=%q: must be a number of microseconds between 1 and one year", usec)
	}
	return time.Duration(n) * time.Microsecond / 3, nil
}
