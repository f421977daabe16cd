package service

import (
	"math"
	"runtime/debug"
	"testing"

	"foobar/src/config"
)

func TestMemoryLimitFollowsTheConfiguration(t *testing.T) {
	percent := debug.SetGCPercent(100)
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	c := config.Default()
	c.Limits.State, c.Limits.Uploads, c.Limits.Connections = 1<<20, 8<<20, 1024
	limitMemory(c)
	if got := debug.SetMemoryLimit(-1); got != (32+24+2+8)<<20 {
		t.Errorf("limit is %d", got)
	}
	if got := debug.SetGCPercent(gcPercent); got != gcPercent {
		t.Errorf("GC percent is %d", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	t.Setenv("GOMEMLIMIT", "1GiB")
	limitMemory(c)
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("GOMEMLIMIT is not obeyed: %d", got)
	}
}
