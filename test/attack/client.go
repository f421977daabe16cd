package attack

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	// clientTimeout is when the client that behaves gives up.
	clientTimeout = 30 * time.Second
	// clientInterval is the time between two of its requests.
	clientInterval = 10 * time.Millisecond
)

// A client behaves: it reads ten bytes of the resource, over a connection of its
// own each time. It tries again after status 503 when Retry-After says so, and
// soon if the connection is closed without a response, as RFC 9112, section
// 9.3.1, allows. Its wait lasts until it has the response.
type client struct {
	url     string
	http    http.Client
	stopped chan struct{}
	stop    func() // may be called again

	mu     sync.Mutex
	waits  []time.Duration
	errors []error
	// retries counts connections that were closed without a response.
	retries int
}

func newClient(t Target) client {
	stopped := make(chan struct{})
	return client{
		url:     "https://" + t.Address + t.Path,
		stopped: stopped,
		stop:    sync.OnceFunc(func() { close(stopped) }),
		http: http.Client{Timeout: clientTimeout, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
		}},
	}
}

// run sends requests until stop. The last one ends when it is answered: a client
// that waits for the end of the attack has to be counted with that wait.
func (c *client) run() {
	for {
		start := time.Now()
		if err := c.get(start); err != nil {
			c.fail(err)
		}
		c.mu.Lock()
		c.waits = append(c.waits, time.Since(start))
		c.mu.Unlock()
		select {
		case <-c.stopped:
			return
		case <-time.After(clientInterval):
		}
	}
}

func (c *client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors = append(c.errors, err)
}

func (c *client) get(start time.Time) error {
	for {
		retry, err := c.try()
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			retry = clientInterval
			c.retries++
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
func (c *client) try() (retry time.Duration, err error) {
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
