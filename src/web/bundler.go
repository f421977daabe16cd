package web

import (
	"net"
	"runtime"
	"sync"
)

const (
	// bundle is how many bytes of records go out in one system call.
	bundle = 64 << 10
	// bundlers is how many connections can do so at a time, so that slow
	// clients do not hold more memory than this; the others do without.
	bundlers = 64
)

// bundles are the buffers for that, made when they are first used.
type bundles chan []byte

func newBundles() bundles {
	b := make(bundles, bundlers)
	for range bundlers {
		b <- nil
	}
	return b
}

// A bundler is the connection below TLS, which writes each record by itself. It
// can gather those of one response.
type bundler struct {
	net.Conn
	mu      sync.Mutex // TLS writes by itself where it reads so
	records []byte     // nil where they go out one by one
}

// Read implements net.Conn. The connections that have something to do go first:
// by the time that they are done, this one's client has often sent its next
// request, and need not be waited for. Under load that saves most of the reads
// that would find nothing, and a turn of the poller after each.
func (b *bundler) Read(p []byte) (int, error) {
	runtime.Gosched()
	return b.Conn.Read(p)
}

// Write implements net.Conn.
func (b *bundler) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records == nil {
		return b.Conn.Write(p)
	}
	if len(b.records)+len(p) > cap(b.records) {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	b.records = append(b.records, p...)
	return len(p), nil
}

func (b *bundler) flush() error {
	_, err := b.Conn.Write(b.records)
	b.records = b.records[:0]
	return err
}

// gather bundles what write sends, if there is a buffer for it.
func (b *bundler) gather(from bundles, write func() error) error {
	var buf []byte
	select {
	case buf = <-from:
	default:
		return write()
	}
	if buf == nil {
		buf = make([]byte, 0, bundle+record)
	}
	b.begin(buf)
	err := write()
	if ferr := b.end(); err == nil {
		err = ferr
	}
	from <- buf[:0]
	return err
}

func (b *bundler) begin(buf []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = buf
}

func (b *bundler) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.flush()
	b.records = nil
	return err
}
