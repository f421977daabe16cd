package clients

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// requestTimeout bounds one request with the connection that it may need.
const requestTimeout = 20 * time.Second

// A client has one connection at a time. A connection whose end it has seen is
// not used again.
type client struct {
	load    *Load
	group   *profileLoad
	profile Profile
	dialer  *http.Transport
	conn    *http.ClientConn
	// dialedAt is when the connection was begun, and zero once it has had a
	// response; silence is the time from then to its first request.
	dialedAt time.Time
	silence  time.Duration
}

func (l *Load) newClient(group *profileLoad) *client {
	c := &client{load: l, group: group, profile: group.sum.Profile}
	c.dialer = &http.Transport{TLSClientConfig: l.server.TLS.Clone(), DialContext: l.server.Dial, Protocols: new(http.Protocols)}
	c.dialer.Protocols.SetHTTP1(!c.profile.HTTP2)
	c.dialer.Protocols.SetHTTP2(c.profile.HTTP2)
	return c
}

// run acts after each pause, until the load is stopped.
func (c *client) run(act func(*client)) {
	defer c.close()
	for {
		select {
		case <-c.load.context.Done():
			return
		case <-time.After(rand.N(2 * c.profile.Pause)):
			act(c)
		}
	}
}

// read must not get an older state than one that was acknowledged before.
func (c *client) read() {
	least := c.load.counter.newest()
	if got, err := c.do(http.MethodGet, "", ""); err == nil {
		c.load.counter.checkRead(c.profile, least, got)
	}
}

// write replaces the state by the next number, unless another client has.
func (c *client) write() {
	got, err := c.do(http.MethodGet, "", "")
	if err != nil {
		return
	}
	n, err := strconv.Atoi(got.text)
	if err != nil {
		c.group.fail(failure{err: fmt.Errorf("state %q is not a number", got.text)})
		return
	}
	switch put, err := c.do(http.MethodPost, strconv.Itoa(n+1), got.etag); {
	case err != nil:
		c.load.counter.addIndeterminate()
	case put.status == http.StatusOK:
		c.load.counter.acknowledge(n + 1)
	}
}

// do sends one request and records the outcome.
func (c *client) do(method, body, match string) (response, error) {
	sentAt := time.Now()
	got, err := c.send(method, body, match)
	switch {
	case err != nil && late(err, c.silence):
		c.group.addLate()
		return got, err
	case err != nil && c.profile.closeRace(err):
		c.group.addCloseRace()
		return got, err
	case err != nil:
		c.group.fail(failure{err, sentAt, time.Since(sentAt)})
		return got, err
	}
	c.group.add(time.Since(sentAt))
	return got, nil
}

type response struct {
	status     int
	text, etag string
}

// send uses the open connection, or a new one if its end was seen. It sends
// again only what the server cannot have processed.
func (c *client) send(method, body, match string) (response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if c.profile.NewConnPerRequest {
		defer c.close()
	}
	for {
		if err := c.connect(ctx); err != nil {
			c.silence = time.Since(c.dialedAt)
			return response{}, err
		}
		var sentAt atomic.Pointer[time.Time]
		got, err := c.roundTrip(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteHeaders: func() { now := time.Now(); sentAt.Store(&now) },
		}), method, body, match)
		sent := sentAt.Load()
		c.silence = 0
		if sent != nil && !c.dialedAt.IsZero() {
			c.silence = sent.Sub(c.dialedAt)
		}
		c.dialedAt = time.Time{}
		if err == nil {
			return got, nil
		}
		c.close()
		if ctx.Err() != nil {
			return got, err
		}
		if sent == nil {
			continue
		}
		if !c.profile.refused(err) {
			return got, err
		}
		c.group.addRefusedStream()
	}
}

func (c *client) connect(ctx context.Context) (err error) {
	if c.conn != nil && c.conn.Err() == nil && c.conn.Available() > 0 {
		return nil
	}
	c.close()
	c.dialedAt = time.Now()
	c.conn, err = c.dialer.NewClientConn(ctx, "https", c.load.server.Address)
	return err
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *client) roundTrip(ctx context.Context, method, body, match string) (response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://"+c.load.server.Address+"/", strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if method != http.MethodGet {
		req.Header.Set("Authorization", "Bearer "+c.load.server.Token)
	}
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	resp, err := c.conn.RoundTrip(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	got := response{resp.StatusCode, string(text), resp.Header.Get("ETag")}
	expected := []int{http.StatusOK, http.StatusCreated, http.StatusPreconditionFailed}
	if err == nil && !slices.Contains(expected, got.status) {
		err = fmt.Errorf("status %s: %q", resp.Status, got.text)
	}
	return got, err
}
