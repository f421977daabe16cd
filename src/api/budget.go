package api

import "sync/atomic"

// A budget bounds the bytes that the buffers of all uploads have together.
type budget struct {
	limit, used atomic.Int64
}

// reserve adds n bytes, and reports false if that is more than the limit.
func (b *budget) reserve(n int64) bool {
	if b.used.Add(n) <= b.limit.Load() {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) release(n int64) { b.used.Add(-n) }
