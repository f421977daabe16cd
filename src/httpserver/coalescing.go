package httpserver

import (
	"net"
	"sync"
)

const (
	// coalescedBytes is how many bytes of records go out in one system call.
	coalescedBytes = 64 << 10
	// maxTLSRecord is the largest record that TLS sends, in bytes.
	maxTLSRecord = 16 << 10
	// coalescingConns is how many connections can coalesce at a time. It bounds the
	// memory that slow clients occupy; other connections do not coalesce.
	coalescingConns = 64
)

// A bufferPool has a buffer for each of them, nil until it is first used.
type bufferPool chan []byte

func newBufferPool() bufferPool {
	b := make(bufferPool, coalescingConns)
	for range coalescingConns {
		b <- nil
	}
	return b
}

// A coalescer writes the TLS records of one response in few system calls.
// crypto/tls makes one call for each record.
type coalescer struct {
	mu      sync.Mutex // crypto/tls also writes while it reads
	records []byte     // nil while records are not coalesced
}

func (b *coalescer) write(to net.Conn, p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records == nil {
		return to.Write(p)
	}
	if len(b.records)+len(p) > cap(b.records) {
		if err := b.flush(to); err != nil {
			return 0, err
		}
	}
	b.records = append(b.records, p...)
	return len(p), nil
}

func (b *coalescer) flush(to net.Conn) error {
	_, err := to.Write(b.records)
	b.records = b.records[:0]
	return err
}

// coalesce calls write and coalesces what it writes to c, if a buffer is free.
func (c *conn) coalesce(write func() error) error {
	var buf []byte
	select {
	case buf = <-c.server.buffers:
	default:
		return write()
	}
	defer func() { c.server.buffers <- buf }() // after a panic, too
	if buf == nil {
		buf = make([]byte, 0, coalescedBytes+maxTLSRecord)
	}
	c.startCoalescing(buf)
	err := write()
	if flushErr := c.stopCoalescing(); err == nil {
		err = flushErr
	}
	return err
}

func (c *conn) startCoalescing(buf []byte) {
	c.coalescer.mu.Lock()
	defer c.coalescer.mu.Unlock()
	c.records = buf
}

func (c *conn) stopCoalescing() (err error) {
	defer c.recoverPanic(&err)
	c.coalescer.mu.Lock()
	defer c.coalescer.mu.Unlock()
	defer func() { c.records = nil }()
	if c.panicked.Load() {
		return errPanicked
	}
	return c.flush(c.Conn)
}
