package attack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// openStreams is how many streams a random client has open at most: fewer than
	// the server allows, so that it refuses none.
	openStreams = 24
	// maxRandomBody2 bounds the body of a request, in bytes.
	maxRandomBody2 = 100_000
	// defaultWindow is the window that RFC 9113, section 6.9.2, begins with.
	defaultWindow = 65535
)

// A random2 is a client of one HTTP/2 connection that keeps track of all
// windows, those of the server and its own. The main goroutine writes, another
// one reads.
type random2 struct {
	h   *h2conn
	t   Target
	rng *rand.Rand

	mu        sync.Mutex // guards what follows
	changed   *sync.Cond
	streams   map[uint32]*stream2
	err       error
	ended     bool  // the server has ended the connection
	initials  []int // the sizes of windows that we have sent and that may be in force
	window    int   // of the connection, for what we receive
	send      int   // of the connection, for what we send
	initial   int   // of new streams, for what we send
	acks      []func() error
	pings     int // without an acknowledgement
	settled   bool
	sawGoAway bool // the server has sent GOAWAY, and answers no new request
	// lastFrame is when the last frame was read, and longestPause the longest time
	// between two.
	lastFrame    time.Time
	longestPause time.Duration
	late         bool // the connection has ended because this client was too slow
}

// A stream2 is an open stream.
type stream2 struct {
	request        randomRequest
	begun, sent    time.Time // of the header and of the end of the body
	left           []byte    // of the body
	sentAll        bool
	send           int // how much of the body the server has room for
	granted        int // by WINDOW_UPDATE, for what we receive
	received       int
	status, length int
	answered       bool
}

// RandomHTTP2 sends random frames over one connection: requests and bodies in
// parts, windows that open and shrink, resets, pings. It checks that the server
// keeps to every window and answers each request that was not reset.
func RandomHTTP2(t Target, seed uint64) error {
	conn, err := dialRandom(t, "h2")
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(answerTimeout))
	c := &random2{h: conn.startHTTP2(), t: t, rng: newRand(seed), streams: map[uint32]*stream2{},
		initials: []int{defaultWindow, defaultWindow}, window: defaultWindow, send: defaultWindow, initial: defaultWindow, lastFrame: time.Now()}
	c.changed = sync.NewCond(&c.mu)
	c.h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	read := make(chan struct{})
	go func() {
		c.read()
		close(read)
	}()
	err = c.write()
	if err == nil && c.rng.IntN(2) == 0 {
		err = c.sendNonsense()
	}
	<-read
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late || c.sawGoAway && len(c.streams) == 0 {
		err = nil // the connection may have ended while c wrote
	}
	return errors.Join(c.err, err)
}

// write does random things, and then what is needed to get every response.
func (c *random2) write() error {
	if err := c.until(func() bool { return c.settled }); err != nil {
		return err
	}
	for range 20 + c.rng.IntN(300) {
		if err := c.act(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.initials = append(c.initials, 1<<30)
	c.mu.Unlock()
	if err := c.h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}); err != nil {
		return err
	}
	if err := c.grant(0, 1<<30); err != nil {
		return err
	}
	return c.finish()
}

// finish sends the rest of all bodies and waits for all responses.
func (c *random2) finish() error {
	for {
		if err := c.sendAcks(); err != nil {
			return err
		}
		waits := false
		for _, id := range c.ids() {
			waits = true
			if err := c.sendBody(id, maxRandomBody2); err != nil {
				return err
			}
		}
		if !waits {
			return c.until(func() bool { return c.pings == 0 && len(c.initials) == 1 })
		}
		c.mu.Lock()
		if c.err == nil && !c.ended && len(c.acks) == 0 && len(c.streams) > 0 {
			c.changed.Wait()
		}
		err := c.failure()
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// failure returns an error if the connection has ended.
func (c *random2) failure() error {
	if c.err == nil && c.ended {
		return errors.New("the server has ended the connection")
	}
	return c.err
}

// until waits for a condition that the reader makes true.
func (c *random2) until(condition func() bool) error {
	for {
		if err := c.sendAcks(); err != nil {
			return err
		}
		c.mu.Lock()
		if !condition() && c.failure() == nil && len(c.acks) == 0 {
			c.changed.Wait()
		}
		done, err := condition(), c.failure()
		c.mu.Unlock()
		if done || err != nil {
			return err
		}
	}
}

// act does one random thing.
func (c *random2) act() error {
	if err := c.sendAcks(); err != nil {
		return err
	}
	ids := c.ids()
	id := uint32(0)
	if len(ids) > 0 {
		id = ids[c.rng.IntN(len(ids))]
	}
	switch n := c.rng.IntN(20); {
	case n < 8 && len(ids) < openStreams:
		return c.open()
	case n < 12 && id > 0:
		return c.sendBody(id, 1+c.rng.IntN(20_000))
	case n < 15 && id > 0:
		return c.grant(id, 1+c.rng.IntN(1<<c.rng.IntN(18)))
	case n < 16:
		return c.grant(0, 1+c.rng.IntN(1<<c.rng.IntN(18)))
	case n < 17:
		return c.resize(c.rng.IntN(1 << c.rng.IntN(18)))
	case n < 18 && id > 0:
		return c.reset(id)
	case n < 19:
		c.mu.Lock()
		c.pings++
		c.mu.Unlock()
		return c.h.WritePing(false, [8]byte{1, 2, 3, 4, 5, 6, 7, 8})
	}
	return c.h.WritePriority(c.h.stream+1, http2.PriorityParam{Weight: byte(c.rng.IntN(256))})
}

// sendNonsense sends what is no frame, or a frame that breaks a rule.
func (c *random2) sendNonsense() error {
	nonsense := make([]byte, 1+c.rng.IntN(3000))
	for i := range nonsense {
		nonsense[i] = byte(c.rng.Uint32())
	}
	if c.rng.IntN(2) == 0 {
		copy(nonsense, []byte{0, byte(c.rng.IntN(64)), 0, byte(c.rng.IntN(12)), byte(c.rng.IntN(256)), 0, 0, 0, byte(c.rng.IntN(8))})
	}
	c.mu.Lock()
	c.ended = true // no further response is due
	c.mu.Unlock()
	if _, err := c.h.Conn.Write(nonsense); err != nil {
		return fmt.Errorf("send nonsense: %w", err)
	}
	return nil
}
