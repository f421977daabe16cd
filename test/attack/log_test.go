//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
)

// maxLogFactor is how many bytes of log a client may cause with each byte that it
// sends. The shortest request over a connection that is kept has 27 bytes, and an
// entry of the access log about 350.
const maxLogFactor = 20

// TestLogIsBounded checks that the access log of requests with the largest header,
// or of the shortest ones, is in proportion to what was sent.
func TestLogIsBounded(t *testing.T) {
	for name, request := range map[string]string{
		"bytes to escape in the path":  "GET /" + strings.Repeat("%00%1b", 2500) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"a long method":                strings.Repeat("A", 15000) + " / HTTP/1.1\r\nHost: a\r\n\r\n",
		"the shortest requests":        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
		"a header that is not allowed": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := startService(t, "log: {access: true}\n")
			before := s.OutputBytes()
			a := Attack{Protocol: "http/1.1", Connections: 10, Hold: withoutContext(func(c *Conn) {
				go c.readToEnd()
				for range 100 {
					if c.send(request) != nil {
						return
					}
				}
				c.readToEnd()
			})}
			r := a.Start(s.Target)
			r.WaitOpen()
			if err := Poll(countTimeout, func() error {
				if s.OutputBytes() == before {
					return fmt.Errorf("no log")
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			result := r.Stop()
			s.Stop() // writes the rest of the log
			if logged := s.OutputBytes() - before; logged > maxLogFactor*result.Sent {
				t.Errorf("%d bytes of log for %d bytes sent", logged, result.Sent)
			} else {
				t.Logf("%d bytes of log for %d bytes sent", logged, result.Sent)
			}
		})
	}
}
