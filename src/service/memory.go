package service

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"foobar/src/config"
	"foobar/src/httpserver"
)

const (
	// idleMemory is what an idle service needs, in bytes, with room for the garbage
	// collector.
	idleMemory = 32 << 20
	// connMemory is what an idle connection needs, in bytes: its buffers, its
	// stack and its keys. Measured with GOGC=50. With gcPercent, the heap may grow
	// to its limit with what handshakes leave; bench/README.md shows that too.
	connMemory = 24 << 10
	// largeMemory is what a connection of httpserver.LargeShare can need more, in bytes:
	// 32 streams whose responses wait for the client keep 14 KiB each.
	largeMemory = 400 << 10
	// requestMemory is what a request in progress needs beside its header, in bytes: a
	// record of TLS and the start of the response, each up to 16 KiB, and stacks.
	requestMemory = 48 << 10
	// gcPercent lets the heap grow to five times what is in use before it is
	// collected. The heap is small, and HTTP/2 makes garbage with every request.
	gcPercent = 400
)

// requiredMemory returns what a configuration can make the heap need, in bytes:
// connections, requests and the content. Clients that want more get status 503, or
// their connections are closed.
func requiredMemory(c config.Config) int64 {
	connections := int64(c.Limits.Connections)
	return idleMemory + connMemory*connections + largeMemory*connections/httpserver.LargeShare + (requestMemory+int64(c.Limits.Header))*int64(c.Limits.Requests) + contentMemory(c.Limits)
}

// limitMemory makes the garbage collector work harder, whatever gcPercent is,
// before the heap exceeds what the configuration can make it need, so that the
// kernel does not kill the service at MemoryMax=. GOGC and GOMEMLIMIT, where an
// administrator sets them, take precedence.
func limitMemory(c config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(requiredMemory(c))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// CheckMemory returns an error where a configuration needs more than a memory
// limit, in bytes. A quarter of the limit is for what the kernel needs, such as
// the buffers of connections.
func CheckMemory(c config.Config, limit int64) error {
	need := requiredMemory(c) * 4 / 3
	if need <= limit {
		return nil
	}
	return fmt.Errorf("the limits of conf.yaml need %d MiB of memory, and MemoryMax= or the machine allows %d MiB: "+
		"raise MemoryMax=, or lower limits.connections, limits.requests, limits.header, limits.state or limits.uploads", (need+1<<20-1)>>20, limit>>20)
}

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
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
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
			debug.FreeOSMemory() // each halves the stacks of idle connections
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
