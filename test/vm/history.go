//go:build vm

package vm

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A history records the writes to one program between two power cuts.
type history struct {
	mu     sync.Mutex
	before response // to a GET before the first write
	writes map[[sha256.Size]byte]*write
	acked  int // acknowledged writes
}

// A write lasted from start to end, or until the power cut if it was not
// acknowledged.
type write struct {
	name       string
	start, end time.Time
	acked      bool
}

// A response is what a program answered to a GET.
type response struct {
	status int
	sum    [sha256.Size]byte
	body   []byte
}

func newHistory(before response) *history {
	return &history{before: before, writes: map[[sha256.Size]byte]*write{}}
}

// begin records that a body is about to be sent. All bodies must differ.
func (h *history) begin(name string, body []byte) *write {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &write{name: name, start: time.Now()}
	h.writes[sha256.Sum256(body)] = w
	return w
}

// acknowledge records that a write was answered "ok".
func (h *history) acknowledge(w *write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.end, w.acked = time.Now(), true
	h.acked++
}

func (h *history) acknowledged() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked
}

// check returns an error unless the state after the power cut is one whole
// version that no acknowledged write has replaced. It may be that of a write
// without an acknowledgement.
func (h *history) check(found response) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if found.status == h.before.status && found.sum == h.before.sum {
		if h.acked > 0 {
			return fmt.Errorf("all of %d acknowledged writes are lost: the state is what it was before", h.acked)
		}
		return nil
	}
	if found.status != http.StatusOK {
		return fmt.Errorf("GET got status %d: %.200q", found.status, found.body)
	}
	w, ok := h.writes[found.sum]
	if !ok {
		return fmt.Errorf("the state is no version that was written: it has %d bytes, %d of them NUL; %d writes were acknowledged", len(found.body), countNULs(found.body), h.acked)
	}
	if !w.acked {
		return nil
	}
	lost := 0
	for _, other := range h.writes {
		if other.acked && other.start.After(w.end) {
			lost++
		}
	}
	if lost > 0 {
		return fmt.Errorf("the state is %q; %d writes that began after it was acknowledged are lost", w.name, lost)
	}
	return nil
}

func countNULs(b []byte) (n int) {
	for _, c := range b {
		if c == 0 {
			n++
		}
	}
	return n
}
