// Stubborn is a service that cannot be stopped, as an intruder would make of
// foobar: it ignores SIGTERM and asks systemd for more time every second. A test
// puts it in the place of the binary and looks how long that holds up a stop.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// firstInherited is the first file descriptor that systemd hands in,
// sd_listen_fds(3).
const firstInherited = 3

func main() {
	// At a shutdown, the sockets of standard error and of notifications end first.
	signal.Ignore(syscall.SIGTERM, syscall.SIGPIPE)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // which systemd wants a service to handle
	notify := inherited("notify")
	if notify < 0 {
		fmt.Fprintln(os.Stderr, "stubborn: systemd has handed in no socket for notifications")
		os.Exit(1)
	}
	send(notify, "READY=1")
	for range time.Tick(time.Second) {
		send(notify, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=600000000")
	}
}

// inherited returns the descriptor of a name, -1 without one.
func inherited(name string) int {
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return -1
	}
	for i, have := range strings.Split(os.Getenv("LISTEN_FDNAMES"), ":") {
		if i < count && have == name {
			return firstInherited + i
		}
	}
	return -1
}

func send(fd int, message string) {
	if _, err := syscall.Write(fd, []byte(message)); err != nil {
		fmt.Fprintln(os.Stderr, "stubborn:", err)
	}
}
