package main

import (
	"os"
	"runtime/debug"

	"foobar/src/config"
)

const (
	// ownMemory is what the service takes beside states and uploads, in bytes:
	// buffers and stacks of its connections, metrics, the runtime.
	ownMemory = 64 << 20
	// gcPercent lets the heap grow to five times what is in use before it is
	// collected. It is small, so that costs little, and HTTP/2 makes garbage with
	// every request.
	gcPercent = 400
)

// limitMemory has the garbage collector work harder, whatever gcPercent says,
// before the heap passes what the configuration can make it need: the state, the
// one that replaces it, and the uploads. An administrator who sets GOGC or
// GOMEMLIMIT is obeyed instead.
func limitMemory(c config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(c))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

func memoryLimit(c config.Config) int64 {
	return ownMemory + 2*int64(c.Limits.State) + int64(c.Limits.Uploads)
}
