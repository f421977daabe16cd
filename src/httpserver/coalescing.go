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
	// coalescingConns is how many connections can coalesce at a time, so that
	// slow clients do not hold more memory than this; the others do without.
	coalescingConns = 64
)

// A bufferPool holds the buffers for that, made when they are first used.
type bufferPool chan []byte

func newBufferPool() bufferPool {
	b := make(bufferPool, coalescingConns)
	for range coalescingConns {
		b <- nil
	}
	return b
}

// A coalescer writes the TLS records of one response together; TLS writes each
// by itself.
type coalescer struct {
	writing sync.Mutex // TLS also writes where it reads
	records []byte     // nil where they go out one by one
}

func (b *coalescer) write(to net.Conn, p []byte) (int, error) {
	b.writing.Lock()
	defer b.writing.Unlock()
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

// coalesce calls write, and writes to the connection together what that sends,
// if there is a buffer for it.
func (b *coalescer) coalesce(to net.Conn, from bufferPool, write func() error) error {
	var buf []byte
	select {
	case buf = <-from:
	default:
		return write()
	}
	if buf == nil {
		buf = make([]byte, 0, coalescedBytes+maxTLSRecord)
	}
	defer func() { from <- buf[:0] }() // after a panic, too
	b.startCoalescing(buf)
	err := write()
	if ferr := b.stopCoalescing(to); err == nil {
		err = ferr
	}
	return err
}

func (b *coalescer) startCoalescing(buf []byte) {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.records = buf
}

func (b *coalescer) stopCoalescing(to net.Conn) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	err := b.flush(to)
	b.records = nil
	return err
}
