package engine

import (
	"io"
	"time"
)

const (
	// DiscardPause is how long a client that gets its last response may send
	// nothing, before the connection is closed.
	DiscardPause = 500 * time.Millisecond
	// discardStep is how many bytes are discarded under one deadline.
	discardStep = 64 << 10
)

// Discard reads from r while data flows: for limit, up to maxBytes, and until
// nothing arrives for DiscardPause.
func Discard(r io.Reader, limit time.Duration, maxBytes int64, setDeadline func(time.Time) error) {
	now := time.Now()
	for end := now.Add(limit); maxBytes > 0 && now.Before(end); now = time.Now() {
		if setDeadline(now.Add(DiscardPause)) != nil {
			return
		}
		n, err := io.CopyN(io.Discard, r, min(maxBytes, discardStep))
		if err != nil {
			return
		}
		maxBytes -= n
	}
}
