package service

import (
	"os"
	"runtime/debug"

	"foobar/src/config"
)

const (
	// ownMemory is what the service takes with nothing to do, in bytes, and
	// room for the collector to work in.
	ownMemory = 32 << 20
	// connMemory is what an idle connection takes, in bytes: its buffers, its
	// stack and its keys. Measured with GOGC=50: as shipped, the heap may grow to
	// its limit with what handshakes leave, and bench/README.md shows that too.
	connMemory = 24 << 10
	// gcPercent lets the heap grow to five times what is in use before it is
	// collected. It is small, so that costs little, and HTTP/2 makes garbage with
	// every request.
	gcPercent = 400
)

// limitMemory has the garbage collector work harder, whatever gcPercent says,
// before the heap passes what the configuration can make it need: connections,
// the state, the one that replaces it, and uploads. None of these grows beyond
// its limit, as clients are told to wait before (503) or are left waiting, so
// the kernel, which has a limit of its own (MemoryMax=), has nobody to kill. An
// administrator who sets GOGC or GOMEMLIMIT is obeyed instead.
func limitMemory(c config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(c))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

func memoryLimit(c config.Config) int64 {
	return ownMemory + connMemory*int64(c.Limits.Connections) +
		2*int64(c.Limits.State) + int64(c.Limits.Uploads)
}
