package web

import (
	"bufio"
	"context"
	"io"
	"log"
	"net/http"
	"sync"

	"golang.org/x/net/http2"
)

// Terms are Settings and what they bring about: buffers of their size and an
// HTTP/2 server with their limits, which cannot be changed in either.
type terms struct {
	Settings
	workspaces sync.Pool
	http       *http.Server // what http2 wants beside itself
	http2      *http2.Server
}

// maxStreams bounds the requests of one connection of HTTP/2 at a time.
const maxStreams = 100

func (e *Engine) newTerms(s Settings) *terms {
	t := &terms{Settings: s}
	t.workspaces.New = func() any {
		return &workspace{in: bufio.NewReaderSize(nil, s.MaxHeader)}
	}
	t.http = &http.Server{
		Handler:        http.HandlerFunc(e.serveHTTP),
		MaxHeaderBytes: s.MaxHeader,
		ErrorLog:       log.New(io.Discard, "", 0), // it quotes what clients send
	}
	t.http2 = &http2.Server{
		IdleTimeout:          s.Idle,
		MaxConcurrentStreams: maxStreams,
		CountError:           func(string) { e.options.Traffic.Refused(malformed) },
	}
	// It fails on a TLS configuration alone, and there is none here.
	_ = http2.ConfigureServer(t.http, t.http2)
	return t
}

// goAway asks the clients of HTTP/2 to leave once they have their answers.
func (t *terms) goAway() { _ = t.http.Shutdown(context.Background()) }
