package clients

import (
	"fmt"
	"strconv"
	"sync"
)

// A counter follows a state that is a number, to which every acknowledged write
// adds one. After a lost write the state is lower than the number of writes, or
// a number is acknowledged twice.
type counter struct {
	mu            sync.Mutex
	acked         map[int]bool
	max           int
	indeterminate int // writes without a response
	errs          []error
}

func (c *counter) acknowledge(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acked == nil {
		c.acked = map[int]bool{}
	}
	if c.acked[n] {
		c.errs = append(c.errs, fmt.Errorf("%d was acknowledged twice: one of the writes was lost", n))
	}
	c.acked[n] = true
	c.max = max(c.max, n)
}

func (c *counter) addIndeterminate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.indeterminate++
}

// newest returns the highest number that was acknowledged.
func (c *counter) newest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.max
}

// checkRead checks a read that was sent when least was acknowledged.
func (c *counter) checkRead(p Profile, least int, got response) {
	if n, err := strconv.Atoi(got.text); err == nil && n >= least {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, fmt.Errorf("%s: read %q after %d was acknowledged", p.Name, got.text, least))
}

func (c *counter) errors() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errs
}

// compare checks the state that was read when all clients had stopped.
func (c *counter) compare(last int) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.acked); last < n || last > n+c.indeterminate {
		return []error{fmt.Errorf("the state is %d after %d acknowledged writes and %d without a response", last, n, c.indeterminate)}
	}
	return nil
}
