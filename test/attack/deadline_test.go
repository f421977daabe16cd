//go:build attack

package attack

import (
	"fmt"
	"testing"
	"time"
)

// shortTimeouts has every connection end within seconds.
const shortTimeouts = "timeouts: {header: 1s, body: 2s, response: 2s, idle: 2s, shutdown: 2s}\n"

const (
	// longestConnection is the sum of the timeouts that one connection can use up
	// with shortTimeouts: the handshake, a header, a body and its discarded rest, a
	// response, and the time without a request.
	longestConnection = (1 + 1 + 2 + 2 + 2 + 2) * time.Second
	// busyMachine is added to every deadline. What is looked for is a connection
	// that does not end at all.
	busyMachine = 10 * time.Second
	// deadlineConnections is how many connections of each attack are opened.
	deadlineConnections = 20
)

// TestConnectionsEnd checks that the connections of an attack are closed by the
// service, although the attacker sends on.
func TestConnectionsEnd(t *testing.T) {
	t.Parallel()
	for _, a := range Attacks() {
		if a.Requests {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, shortTimeouts+a.Config())
			a.Connections, a.Repeat = min(a.Connections, deadlineConnections), false
			r := a.Start(s.Target)
			defer r.Stop()
			r.WaitOpen()
			start := time.Now()
			if err := Poll(longestConnection+busyMachine, func() error {
				if n := metric(t, s, "foobar_http_connections", "listener", "https"); n > 0 {
					return fmt.Errorf("%d connections are open", n)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
			t.Logf("all closed after %v", time.Since(start).Round(time.Millisecond))
		})
	}
}

// TestStopDuringAttacks checks that the service stops within timeouts.shutdown,
// with status 0, whatever its connections do.
func TestStopDuringAttacks(t *testing.T) {
	t.Parallel()
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, "timeouts: {shutdown: 2s}\n"+a.Config())
			a.Connections = min(a.Connections, deadlineConnections)
			r := a.Start(s.Target)
			defer r.Stop()
			r.WaitOpen()
			start := time.Now()
			s.Terminate()
			if !s.WaitEnd(2*time.Second + busyMachine) {
				t.Fatal("the service has not ended")
			}
			if code := s.ExitCode(); code != 0 {
				t.Errorf("exit status %d: %v", code, s.Err())
			}
			t.Logf("ended after %v", time.Since(start).Round(time.Millisecond))
		})
	}
}
