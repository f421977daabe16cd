package web

import (
	"net/http"
	"sync"
	"time"
)

// A watcher ends a connection of HTTP/2 whose client holds a request open for
// too long, such as by never opening the window that the response needs. The
// timeouts of package net/http would set two timers for each request instead.
type watcher struct {
	conn  *conn
	limit time.Duration

	mu    sync.Mutex
	since map[*http.Request]time.Time
	timer *time.Timer
}

func watch(c *conn, limit time.Duration) *watcher {
	w := &watcher{conn: c, limit: limit, since: map[*http.Request]time.Time{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.pause(), w.look)
	return w
}

func (w *watcher) pause() time.Duration { return w.limit/8 + time.Millisecond }

func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.timer = nil
}

func (w *watcher) begin(r *http.Request, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since[r] = now
}

func (w *watcher) end(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, r)
}

func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, begun := range w.since {
		if time.Since(begun) > w.limit {
			w.conn.abort()
			return
		}
	}
	if w.timer != nil {
		w.timer.Reset(w.pause())
	}
}
