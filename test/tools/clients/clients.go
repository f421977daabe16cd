// Package clients asks a server for its state, and counts the state up, from
// several connections of several profiles at once, while somebody else restarts
// that server. Its clients do not retry: a request that was sent and not
// answered is a failure, whatever its method. Nor do they miss a good-bye: a
// connection whose end they have seen is not used again.
package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// timeout is for one request, with the connection that it may need.
const timeout = 20 * time.Second

// A Server is one that serves a single state as src/api does.
type Server struct {
	Address string // host:port, of which TLS verifies the host
	Token   string // for writing
	TLS     *tls.Config
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Profile is how a client uses its connections.
type Profile struct {
	Name              string
	HTTP2             bool
	NewConnPerRequest bool          // a connection for each request
	Pause             time.Duration // mean time between an answer and the next request
}

// Profiles are those that there are, some of them with long pauses: their
// connections are idle when the server comes to close them.
func Profiles() []Profile {
	const busy, thinking = 5 * time.Millisecond, 700 * time.Millisecond
	return []Profile{
		{Name: "HTTP/1.1, kept", Pause: busy},
		{Name: "HTTP/1.1, kept and idle", Pause: thinking},
		{Name: "HTTP/1.1, new", NewConnPerRequest: true, Pause: 4 * busy},
		{Name: "HTTP/2", HTTP2: true, Pause: busy},
		{Name: "HTTP/2, idle", HTTP2: true, Pause: thinking},
		{Name: "HTTP/2, new", HTTP2: true, NewConnPerRequest: true, Pause: 4 * busy},
	}
}

// closeRace says whether err can be that of a request that crossed the server's
// end of the connection on the wire, RFC 9112, section 9.5. A client of HTTP/1.1
// that sends nothing cannot be told to go before its connection is closed, and
// what it sends at that very moment nobody reads.
func (k Profile) closeRace(err error) bool {
	idle := !k.HTTP2 && !k.NewConnPerRequest && k.Pause > 100*time.Millisecond
	return idle && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET))
}

// streamRefused reports whether err says that the server had sent GOAWAY with a
// lower stream than that of the request. It has not processed the request then,
// and clients send it again (RFC 9113, section 6.8), as these do.
func streamRefused(err error) bool {
	return strings.Contains(err.Error(), "graceful shutdown GOAWAY")
}

// A Load is what clients put on a server.
type Load struct {
	server  Server
	context context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	reports []*report
	count   counter
}

// Start begins with readers and one writer of each kind. It sets the state to
// 0, from which the writers count.
func Start(server Server, profiles []Profile, readers int) (*Load, error) {
	l := &Load{server: server}
	l.context, l.stop = context.WithCancel(context.Background())
	first := l.client(Profile{NewConnPerRequest: true})
	if _, err := first.send(http.MethodPut, "0", ""); err != nil {
		return nil, fmt.Errorf("the first write: %w", err)
	}
	for _, k := range profiles {
		r := &report{sum: Summary{Profile: k, Clients: readers + 1}}
		l.reports = append(l.reports, r)
		for i := range readers + 1 {
			act := (*client).read
			if i == 0 {
				act = (*client).write
			}
			c := l.client(k)
			c.report = r
			l.running.Go(func() { c.run(act) })
		}
	}
	return l, nil
}

// Stop ends the load, reads the state once more and says how it went.
func (l *Load) Stop() (Result, error) {
	l.stop()
	l.running.Wait()
	var res Result
	for _, r := range l.reports {
		res.Profiles = append(res.Profiles, r.summary())
	}
	l.context = context.Background()
	a, err := l.client(Profile{NewConnPerRequest: true}).send(http.MethodGet, "", "")
	if err != nil {
		return res, fmt.Errorf("the last read: %w", err)
	}
	last, err := strconv.Atoi(a.text)
	if err != nil {
		return res, fmt.Errorf("the last read: %w", err)
	}
	res.Lost = append(l.count.errors(), l.count.compare(last)...)
	return res, nil
}

// A client has one connection at a time.
type client struct {
	load    *Load
	profile Profile
	dialer  *http.Transport
	conn    *http.ClientConn
	report  *report
}

func (l *Load) client(k Profile) *client {
	c := &client{load: l, profile: k}
	c.dialer = &http.Transport{TLSClientConfig: l.server.TLS.Clone(), DialContext: l.server.Dial, Protocols: new(http.Protocols)}
	c.dialer.Protocols.SetHTTP1(!k.HTTP2)
	c.dialer.Protocols.SetHTTP2(k.HTTP2)
	return c
}

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

// read must not find an older state than one that was acknowledged before.
func (c *client) read() {
	least := c.load.count.newest()
	a, err := c.do(http.MethodGet, "", "")
	if err == nil {
		c.load.count.see(c.profile, least, a)
	}
}

// write replaces the state by the next number, unless somebody else has.
func (c *client) write() {
	a, err := c.do(http.MethodGet, "", "")
	if err != nil {
		return
	}
	n, err := strconv.Atoi(a.text)
	if err != nil {
		c.report.fail(failure{err: fmt.Errorf("the state is %q", a.text)})
		return
	}
	switch b, err := c.do(http.MethodPost, strconv.Itoa(n+1), a.etag); {
	case err != nil:
		c.load.count.addIndeterminate()
	case b.status == http.StatusOK:
		c.load.count.acknowledge(n + 1)
	}
}

// do sends one request and reports how that went.
func (c *client) do(method, body, match string) (answer, error) {
	begun := time.Now()
	a, err := c.send(method, body, match)
	switch {
	case err != nil && c.profile.closeRace(err):
		c.report.addCloseRace()
		return a, err
	case err != nil:
		c.report.fail(failure{err, begun, time.Since(begun)})
		return a, err
	}
	c.report.add(time.Since(begun))
	return a, nil
}

type answer struct {
	status     int
	text, etag string
}

// send uses the connection that there is, or a new one if its end was seen.
func (c *client) send(method, body, match string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if c.profile.NewConnPerRequest {
		defer c.close()
	}
	for {
		if err := c.connect(ctx); err != nil {
			return answer{}, err
		}
		sent := false
		a, err := c.exchange(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteHeaders: func() { sent = true },
		}), method, body, match)
		if err == nil {
			return a, nil
		}
		c.close()
		if ctx.Err() == nil && streamRefused(err) {
			c.report.addResent()
			continue
		}
		if sent || ctx.Err() != nil {
			return a, err
		}
		// The connection ended before: nobody has lost anything.
	}
}

func (c *client) connect(ctx context.Context) (err error) {
	if c.conn != nil && c.conn.Err() == nil && c.conn.Available() > 0 {
		return nil
	}
	c.close()
	c.conn, err = c.dialer.NewClientConn(ctx, "https", c.load.server.Address)
	return err
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *client) exchange(ctx context.Context, method, body, match string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://"+c.load.server.Address+"/", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if method != http.MethodGet {
		req.Header.Set("Authorization", "Bearer "+c.load.server.Token)
	}
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	resp, err := c.conn.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := answer{resp.StatusCode, string(text), resp.Header.Get("ETag")}
	wanted := []int{http.StatusOK, http.StatusCreated, http.StatusPreconditionFailed}
	if err == nil && !slices.Contains(wanted, a.status) {
		err = fmt.Errorf("status %s: %q", resp.Status, a.text)
	}
	return a, err
}
