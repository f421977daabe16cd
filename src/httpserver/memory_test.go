//go:build !race

package httpserver

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// maxIdleBytes is what an idle connection may keep of the heap, the stack of its
// goroutine and the client's end of the connection included. A stack of 8 KiB, or a
// buffer for requests, is beyond it.
const maxIdleBytes = 15 << 10

// TestMemoryOfIdleConnections does not run under the race detector, which makes stacks larger.
func TestMemoryOfIdleConnections(t *testing.T) {
	conf, trust := certificate(t)
	e := start(t, &echo{}, longTimeouts(), conf)
	openIdle(t, e.addr, trust, 10) // grows what all connections share
	const conns = 200
	before := collectedHeap()
	openIdle(t, e.addr, trust, conns)
	each := 0
	// Each collection halves a stack, and the server may not wait yet.
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if each = (collectedHeap() - before) / conns; each <= maxIdleBytes {
			return
		}
	}
	t.Errorf("an idle connection keeps %d bytes, more than %d", each, maxIdleBytes)
}

// openIdle opens connections that have had a request. It keeps of each what is below TLS.
func openIdle(t *testing.T, addr string, conf *tls.Config, n int) {
	for range n {
		c := tls.Client(dial(t, addr), conf)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, get("")); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// collectedHeap returns the bytes that objects and stacks occupy.
func collectedHeap() int {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64() + s[1].Value.Uint64())
}
