package httpserver

import (
	"context"
	"time"
)

const (
	// leaving is how long clients are told to go, with "Connection: close" or
	// GOAWAY, before connections that are idle are closed. Meanwhile new ones
	// are served, so that nobody has to wait for those who think. A connection
	// that is closed while a request is on its way fails that request, and the
	// longer it was idle, the less likely is one.
	leaving = time.Second
	// arriving is how long a connection gets for its first request.
	arriving = time.Second
	// settling is how long a client of HTTP/2 that was told to go may go on with
	// what it has begun, such as opening the streams that it had in mind.
	settling = 100 * time.Millisecond
)

// notice is how long to tell clients to go: half of what there is at most, the
// rest being for requests in flight.
func notice(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return leaving
	}
	return min(leaving, time.Until(end)/2)
}

// Shutdown tells clients to go while it goes on serving for a moment. Then it
// stops accepting, answers what is in flight and closes what is idle. When ctx
// ends it closes the rest and returns ctx's error.
func (e *Engine) Shutdown(ctx context.Context) error {
	defer close(e.done)
	defer e.cancel()
	e.draining.Store(true)
	e.open.each((*conn).wake)
	select {
	case <-e.open.empty():
	case <-time.After(notice(ctx)):
	case <-ctx.Done():
	}
	e.intake.stop()
	e.open.each((*conn).end)
	select {
	case <-e.open.empty():
		return nil
	case <-ctx.Done():
		e.open.each((*conn).abort)
		return ctx.Err()
	}
}
