//go:build vm

package vm

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A history is what was written to one program between two power cuts.
type history struct {
	mu     sync.Mutex
	before observed // what a GET answered before the first write
	writes map[[sha256.Size]byte]*write
	acked  int
}

// A write was under way from start to end, and until the power cut if it was
// not acknowledged.
type write struct {
	name       string
	start, end time.Time
	acked      bool
}

// observed is the answer to a GET.
type observed struct {
	status int
	sum    [sha256.Size]byte
	body   []byte
}

func newHistory(before observed) *history {
	return &history{before: before, writes: map[[sha256.Size]byte]*write{}}
}

// begin notes that a body is about to be sent. No two bodies may be equal.
func (h *history) begin(name string, body []byte) *write {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &write{name: name, start: time.Now()}
	h.writes[sha256.Sum256(body)] = w
	return w
}

// acknowledge notes that a write was answered "ok".
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

// judge says what is wrong with the state that was found after the power cut,
// if anything is: it must be one whole version, and none that an acknowledged
// write has replaced. A write that was never acknowledged may have happened.
func (h *history) judge(found observed) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if found.status == h.before.status && found.sum == h.before.sum {
		if h.acked > 0 {
			return fmt.Errorf("all of %d acknowledged writes are lost: the state is what it was before", h.acked)
		}
		return nil
	}
	if found.status != http.StatusOK {
		return fmt.Errorf("GET is answered %d: %.200q", found.status, found.body)
	}
	w, ok := h.writes[found.sum]
	if !ok {
		return fmt.Errorf("no version: %d bytes, %d of them NUL, of %d writes acknowledged", len(found.body), nuls(found.body), h.acked)
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

func nuls(b []byte) (n int) {
	for _, c := range b {
		if c == 0 {
			n++
		}
	}
	return n
}
