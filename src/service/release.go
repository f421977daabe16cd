package service

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// releaseInterval is how long the service is quiet before it releases memory.
	releaseInterval = 3 * time.Second
	// quietBytes is what a quiet service allocates in that time, at most: scrapes,
	// the watchdog and a few requests.
	quietBytes = 1 << 20
	// releaseBytes is the growth of the heap that is worth a collection.
	releaseBytes = 8 << 20
)

// A heapSize is the size of the heap, in bytes.
type heapSize struct {
	allocated uint64 // since the start
	resident  uint64 // of memory: objects, garbage and room for more
}

func readHeapSize() heapSize {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return heapSize{s[0].Value.Uint64(), s[1].Value.Uint64() + s[2].Value.Uint64() + s[3].Value.Uint64()}
}

// releaseMemory collects what handshakes and requests have left and returns it to
// the kernel, once the service is quiet after the heap has grown beyond its size
// at the start. The garbage collector alone would keep it for minutes. It returns
// when ctx is done.
func releaseMemory(ctx context.Context, interval time.Duration, released heapSize) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	last := released
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := readHeapSize()
		if worthRelease(released, last, now) {
			debug.FreeOSMemory()
			released = readHeapSize()
		}
		last = now
	}
}

// worthRelease compares the heap with that after the last release and that an
// interval ago.
func worthRelease(released, last, now heapSize) bool {
	return now.allocated-last.allocated <= quietBytes && now.resident > released.resident+releaseBytes
}
