package httpserver

import (
	"bufio"
	"sync"
)

// Terms are Settings and buffers of their size.
type terms struct {
	Settings
	workspaces sync.Pool
	frames     sync.Pool // of *frameReader
}

func newTerms(s Settings) *terms {
	t := &terms{Settings: s}
	t.workspaces.New = func() any {
		return &workspace{in: bufio.NewReaderSize(nil, s.MaxHeader)}
	}
	t.frames.New = func() any { return newFrameReader(s) }
	return t
}
