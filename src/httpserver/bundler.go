package httpserver

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
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
	ending  atomic.Bool
	mu      sync.Mutex // TLS writes by itself where it reads so
	records []byte     // nil where they go out one by one
}

// Read implements net.Conn. The connections that have something to do go first:
// by the time that they are done, this one's client has often sent its next
// request, and need not be waited for. Under load that saves most of the reads
// that would find nothing, and a turn of the poller after each.
func (b *bundler) Read(p []byte) (int, error) {
	runtime.Gosched()
	n, err := b.Conn.Read(p)
	if n == 0 && b.ending.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return b.look(p, err)
	}
	return n, err
}

// look reads what has come since the wait for it ended, as by then a busy
// machine has done other things: closed now, the connection would fail a request
// that is here. There is that, or else err.
func (b *bundler) look(p []byte, err error) (n int, _ error) {
	socket, ok := b.Conn.(syscall.Conn)
	if !ok {
		return 0, err
	}
	raw, rawErr := socket.SyscallConn()
	if rawErr != nil {
		return 0, err
	}
	_ = b.Conn.SetReadDeadline(time.Now().Add(arriving)) // for the rest of it, too
	_ = raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	if n > 0 {
		return n, nil
	}
	return 0, err
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
