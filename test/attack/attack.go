package attack

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// An Attack opens connections and holds what it can of the server.
type Attack struct {
	Name string
	Does string // one sentence, for docs/attacks.md
	// Protocol is what the connections agree on by ALPN. Without it, Hold gets
	// connections without TLS.
	Protocol    string
	Connections int
	// Addresses is from how many addresses the connections come, 0 for
	// defaultAddresses.
	Addresses int
	// Repeat replaces a connection that has ended by a new one.
	Repeat bool
	// Requests is set where the connections go on sending whole requests, so that no
	// timeout applies to them.
	Requests bool
	// Needs is a right that an anonymous client lacks.
	Needs Right
	// Hold returns when the connection is closed, as it is when the context ends.
	Hold func(context.Context, *Conn)
	// Limit is how many connections, or requests, the server may have of this
	// attack, 0 where it has no limit for it. The server counts the others under
	// Reasons.
	Limit   int
	Reasons []string
	// Memory is the largest peak of foobar's resident set, in MiB.
	Memory int64
}

// A Right is what the attacker needs.
type Right string

// The rights.
const (
	Anonymous   Right = ""
	Writer      Right = "writer"      // a token, and somebody who replaces the state meanwhile
	Certificate Right = "certificate" // the server asks for client certificates
)

// Config returns what the attack needs in conf.yaml.
func (a Attack) Config() string {
	if a.Needs == Certificate {
		return "access: {write: certificate}\n"
	}
	return ""
}

// A Target is a server under attack.
type Target struct {
	Address string // of HTTPS
	Path    string // of a resource of 16 MiB
	Token   string // "" if the target takes none
	// Write replaces the resource; nil if clients cannot.
	Write func() error
	// Timeout is that of RandomConfig. Random needs it.
	Timeout time.Duration
}

// openers is how many connections are made at a time.
const openers = 8

// A Running is an attack that has started.
type Running struct {
	attack Attack
	target Target
	cancel context.CancelFunc
	opened sync.WaitGroup
	ended  sync.WaitGroup
	next   atomic.Int64
	failed atomic.Int64 // connections that could not be made
	sent   atomic.Int64
	writes atomic.Int64
	err    error // of the last write that failed
}

// A Result is what an attack has done.
type Result struct {
	Connections int   // that were made
	Sent        int64 // bytes, those of TLS included
	Err         error // of the writes of an attack that needs a writer
}

// Start starts an attack.
func (a Attack) Start(t Target) *Running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{attack: a, target: t, cancel: cancel}
	for range min(openers, a.Connections) {
		r.opened.Go(func() {
			for i := r.next.Add(1) - 1; i < int64(a.Connections) && ctx.Err() == nil; i = r.next.Add(1) - 1 {
				r.open(ctx, int(i))
			}
		})
	}
	if a.Needs == Writer {
		r.ended.Go(func() { r.write(ctx) })
	}
	return r
}

// open makes connection i and holds it in the background.
func (r *Running) open(ctx context.Context, i int) {
	c, err := r.dial(ctx, i)
	if err != nil {
		r.failed.Add(1)
	}
	if err != nil && !r.attack.Repeat {
		return
	}
	r.ended.Go(func() {
		for {
			if err == nil {
				r.hold(ctx, c)
			}
			if !r.attack.Repeat || pause(ctx, 10*time.Millisecond) != nil {
				return
			}
			c, err = r.dial(ctx, i)
		}
	})
}

func (r *Running) hold(ctx context.Context, c *Conn) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	r.attack.Hold(ctx, c)
}

// writeInterval is how often the state is replaced.
const writeInterval = 100 * time.Millisecond

// write replaces the state again and again.
func (r *Running) write(ctx context.Context) {
	for pause(ctx, writeInterval) == nil {
		if err := r.target.Write(); err != nil && ctx.Err() == nil {
			r.err = err
		}
		r.writes.Add(1)
	}
}

// openTimeout bounds the time until the connections are made. A server that does
// not accept them would let each wait for dialTimeout.
const openTimeout = time.Minute

// WaitOpen waits until every connection was made, or refused, or until openTimeout
// has passed.
func (r *Running) WaitOpen() {
	opened := make(chan struct{})
	go func() {
		r.opened.Wait()
		close(opened)
	}()
	select {
	case <-opened:
	case <-time.After(openTimeout):
	}
}

// Stop ends the attack.
func (r *Running) Stop() Result {
	r.cancel()
	r.opened.Wait()
	r.ended.Wait()
	return Result{Connections: r.attack.Connections - int(r.failed.Load()), Sent: r.sent.Load(), Err: r.err}
}

// pause returns an error if the context ends within d.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
