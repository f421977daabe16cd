package httpserver

import "sync"

// A connLimiter limits the number of open connections. init must be called first.
type connLimiter struct {
	mu          sync.Mutex
	changed     *sync.Cond
	limit, open int
	closed      bool
}

func (l *connLimiter) init() { l.changed = sync.NewCond(&l.mu) }

// acquire waits until another connection is allowed. It reports false after
// close.
func (l *connLimiter) acquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= l.limit && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return false
	}
	l.open++
	return true
}

func (l *connLimiter) release() { l.change(func() { l.open-- }) }

func (l *connLimiter) setLimit(n int) { l.change(func() { l.limit = n }) }

func (l *connLimiter) close() { l.change(func() { l.closed = true }) }

func (l *connLimiter) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *connLimiter) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	l.changed.Broadcast()
}
