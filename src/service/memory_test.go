package service

import (
	"math"
	"path/filepath"
	"runtime/debug"
	"strings"
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
	c.Limits.State, c.Limits.Uploads, c.Limits.Connections, c.Limits.Requests = 1<<20, 8<<20, 1024, 16
	limitMemory(c)
	if got := debug.SetMemoryLimit(-1); got != (32+24+20+1+6+8)<<20 {
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

func TestCheckMemory(t *testing.T) {
	const unit = 1 << 30 // MemoryMax= of foobar.service
	c := config.Default()
	if err := CheckMemory(c, unit); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	c.Limits.Connections = 14000
	err := CheckMemory(c, unit)
	const want = "the limits of conf.yaml need 1225 MiB of memory, and MemoryMax= or the machine allows 1024 MiB: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("14000 connections: %v", err)
	}
	c = config.Default()
	c.Limits.Header = 64 << 10
	if err := CheckMemory(c, unit); err == nil {
		t.Error("headers of 64 KiB in 2000 requests: no error")
	}
}

func TestLimitsThatNeedTooMuchMemoryAreLogged(t *testing.T) {
	for name, test := range map[string]struct {
		conf, memoryMax, want string
	}{
		"enough":                {"limits: {connections: 1000}", "536870912\n", ""},
		"no limit":              {"limits: {connections: 2, requests: 1, state: 1GiB, uploads: 1GiB}", "max\n", ""},
		"not known":             {"limits: {connections: 2, requests: 1, state: 1GiB, uploads: 1GiB}", "unknown", ""},
		"too much memory":       {"limits: {connections: 2, requests: 1, state: 256MiB, uploads: 256MiB}", "536870912\n", "the limits of conf.yaml need 2433 MiB"},
		"less than the service": {"limits: {connections: 2, requests: 1}", "1\n", "the limits of conf.yaml need 257 MiB of memory, and MemoryMax= or the machine allows 0 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstance(t, test.conf)
			i.write("memory.max", test.memoryMax)
			o := i.options()
			o.MemoryMaxFile = filepath.Join(i.dir, "memory.max")
			s := must[*Service](t)(Open(o))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			log := i.log()
			if test.want == "" && strings.Contains(log, `"level":"warn"`) || strings.Count(log, test.want) != 1 && test.want != "" {
				t.Errorf("no %q once in\n%s", test.want, log)
			}
		})
	}
}
