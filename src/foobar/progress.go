package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// progressPatience is how long a body may take before its progress is shown.
	progressPatience = 500 * time.Millisecond
	progressInterval = 200 * time.Millisecond
	// eraseLine takes the cursor back and clears what is there, ECMA-48.
	eraseLine = "\r\x1b[K"
)

// progress shows on a terminal how far a body has been read.
type progress struct {
	from     io.Reader
	size     int64 // bytes, -1 where it is not known
	terminal io.Writer
	began    time.Time
	read     atomic.Int64
	done     chan struct{}
	shown    sync.WaitGroup
}

// newProgress shows the progress of from until stop.
func newProgress(from io.Reader, size int64, terminal io.Writer) *progress {
	p := &progress{from: from, size: size, terminal: terminal, began: time.Now(), done: make(chan struct{})}
	p.shown.Go(p.show)
	return p
}

// Read implements io.Reader.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.read.Add(int64(n))
	return n, err
}

func (p *progress) stop() {
	close(p.done)
	p.shown.Wait()
}

func (p *progress) show() {
	next := time.After(progressPatience)
	for any := false; ; any = true {
		select {
		case <-p.done:
			if any {
				fmt.Fprintln(p.terminal, eraseLine+p.line())
			}
			return
		case <-next:
			fmt.Fprint(p.terminal, eraseLine+p.line())
			next = time.After(progressInterval)
		}
	}
}

func (p *progress) line() string {
	read, took := float64(p.read.Load()), time.Since(p.began).Seconds()
	text := byteCount(read)
	if p.size >= 0 {
		text += " of " + byteCount(float64(p.size))
	}
	return fmt.Sprintf("%s, %s/s", text, byteCount(read/took))
}
