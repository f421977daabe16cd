package attack

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// clientTimeout is when the client that behaves gives up.
	clientTimeout = 30 * time.Second
	// clientInterval is the time between two of its requests.
	clientInterval = 10 * time.Millisecond
)

// A Client behaves: it reads ten bytes of the resource, over a connection of its
// own each time, and by the protocol that the attack uses. It tries again after status 503 when Retry-After says so, and
// soon if the connection is closed without a response, as RFC 9112, section
// 9.3.1, allows. Its wait lasts until it has the response.
type Client struct {
	url     string
	http    http.Client
	stopped chan struct{}
	ended   chan struct{}
	served  atomic.Int64 // responses
	result  ClientResult
}

// A ClientResult is what a Client has seen.
type ClientResult struct {
	Waits   []time.Duration // until each response, sorted
	Errors  []string        // one for each wait without a response
	Retries int             // connections that were closed without a response
	Busy    int             // responses with status 503
}

// Quantile returns the wait that a share q of the requests did not exceed.
func (r ClientResult) Quantile(q float64) time.Duration {
	if len(r.Waits) == 0 {
		return 0
	}
	return r.Waits[min(int(q*float64(len(r.Waits))), len(r.Waits)-1)]
}

// StartClient starts a client of HTTP/2 if protocol is "h2", and else of HTTP/1.1.
func StartClient(t Target, protocol string) *Client {
	var protocols http.Protocols
	protocols.SetHTTP1(protocol != "h2")
	protocols.SetHTTP2(protocol == "h2")
	c := &Client{
		url: "https://" + t.Address + t.Path, stopped: make(chan struct{}), ended: make(chan struct{}),
		http: http.Client{Timeout: clientTimeout, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, Protocols: &protocols,
		}},
	}
	go c.run()
	return c
}

// WaitServed waits until the client has got n more responses. It returns an error after d.
func (c *Client) WaitServed(n int64, d time.Duration) error {
	end := c.served.Load() + n
	return Poll(d, func() error {
		if missing := end - c.served.Load(); missing > 0 {
			return fmt.Errorf("a client that behaves waits for %d of %d responses", missing, n)
		}
		return nil
	})
}

// Stop waits for the last response: a client that waits for the end of the attack
// has to be counted with that wait.
func (c *Client) Stop() ClientResult {
	close(c.stopped)
	<-c.ended
	slices.Sort(c.result.Waits)
	return c.result
}

func (c *Client) run() {
	defer close(c.ended)
	for {
		start := time.Now()
		if err := c.get(start); err != nil {
			c.result.Errors = append(c.result.Errors, err.Error())
		} else {
			c.served.Add(1)
		}
		c.result.Waits = append(c.result.Waits, time.Since(start))
		select {
		case <-c.stopped:
			return
		case <-time.After(clientInterval):
		}
	}
}

func (c *Client) get(start time.Time) error {
	for {
		retry, err := c.try()
		if err == nil && retry > 0 {
			c.result.Busy++
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			retry = clientInterval
			c.result.Retries++
		} else if err != nil || retry == 0 {
			return err
		}
		if time.Since(start)+retry > clientTimeout {
			return fmt.Errorf("status 503 or closed connections for %v: %w", clientTimeout, err)
		}
		time.Sleep(retry)
	}
}

// try sends one request. It returns when to try again, 0 after a response.
func (c *Client) try() (retry time.Duration, err error) {
	req, err := http.NewRequest("GET", c.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Range", "bytes=0-9")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode == http.StatusServiceUnavailable:
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(max(seconds, 1)) * time.Second, err
	case resp.StatusCode != http.StatusPartialContent || len(body) != 10:
		return 0, fmt.Errorf("status %d with %d bytes", resp.StatusCode, len(body))
	}
	return 0, nil
}
