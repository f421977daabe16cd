package service

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestWorthRelease(t *testing.T) {
	released := heapSize{allocated: 10 << 20, resident: 10 << 20}
	for _, test := range []struct {
		name      string
		last, now heapSize
		want      bool
	}{
		{"nothing has happened", released, released, false},
		{"grown and quiet", heapSize{80 << 20, 60 << 20}, heapSize{80<<20 + quietBytes, 60 << 20}, true},
		{"grown and busy", heapSize{80 << 20, 60 << 20}, heapSize{90 << 20, 60 << 20}, false},
		{"hardly grown", heapSize{80 << 20, 10 << 20}, heapSize{80 << 20, 18 << 20}, false},
		{"shrunk", heapSize{80 << 20, 4 << 20}, heapSize{80 << 20, 4 << 20}, false},
	} {
		if got := worthRelease(released, test.last, test.now); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestReleaseMemory leaves garbage behind, and waits until the kernel has it back.
func TestReleaseMemory(t *testing.T) {
	debug.FreeOSMemory() // what the tests before have left
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	before := readHeapSize()
	if grown := leaveGarbage(); grown.resident < before.resident+32<<20 {
		t.Fatalf("the heap has grown from %d to %d bytes only", before.resident, grown.resident)
	}
	// Started before, it could take what is still in use for the size after a release.
	go func() { defer close(ended); releaseMemory(ctx, 10*time.Millisecond, before) }()
	defer func() { cancel(); <-ended }()
	for deadline := time.Now().Add(20 * time.Second); readHeapSize().resident > before.resident+16<<20; {
		if time.Now().After(deadline) {
			t.Fatalf("the heap is %d bytes, was %d", readHeapSize().resident, before.resident)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// leaveGarbage allocates 64 MiB, and returns the size of the heap with them.
func leaveGarbage() heapSize {
	kept := make([][]byte, 64)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	size := readHeapSize()
	runtime.KeepAlive(kept)
	return size
}
