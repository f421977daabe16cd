package web

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Terms are Settings and what they bring about: buffers of their size and a
// server for HTTP/2 with their limits, which cannot be changed in either.
type terms struct {
	Settings
	workspaces sync.Pool
	http2      *http.Server
	conns      *handoff // to http2
}

// maxStreams bounds the requests of one connection of HTTP/2 at a time.
const maxStreams = 100

func (e *Engine) newTerms(s Settings) *terms {
	t := &terms{Settings: s, conns: newHandoff()}
	t.workspaces.New = func() any {
		return &workspace{in: bufio.NewReaderSize(nil, s.MaxHeader)}
	}
	t.http2 = &http.Server{
		Handler:                      http.HandlerFunc(e.serveHTTP),
		MaxHeaderBytes:               s.MaxHeader,
		IdleTimeout:                  s.Idle,
		ErrorLog:                     log.New(io.Discard, "", 0), // it quotes what clients send
		DisableGeneralOptionsHandler: true,
		BaseContext:                  func(net.Listener) context.Context { return e.base },
		ConnContext:                  withGatherer,
		ConnState:                    noteIdle,
		// TLS ends before it, see gatherer.
		Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			MaxReadFrameSize:     16 << 10, // the least there is, and enough for an upload
			CountError:           func(string) { e.options.Traffic.Refused(malformed) },
		},
	}
	t.http2.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = t.http2.Serve(t.conns) }() // until goAway
	return t
}

// goAway asks the clients of HTTP/2 to leave once they have their answers. It
// does not wait for them.
func (t *terms) goAway() {
	at, once := context.WithCancel(context.Background())
	once()
	_ = t.http2.Shutdown(at)
}
