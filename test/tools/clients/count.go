package clients

import (
	"fmt"
	"strconv"
	"sync"
)

// A counter follows a state that is a number, and that every acknowledged write
// makes one more: if one was lost, it stays behind their number, or a number is
// acknowledged twice.
type counter struct {
	mu            sync.Mutex
	acked         map[int]bool
	max           int
	indeterminate int // writes that may have been made or not
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

func (c *counter) newest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.max
}

// see checks a read that began when least was acknowledged.
func (c *counter) see(k Profile, least int, a answer) {
	if n, err := strconv.Atoi(a.text); err == nil && n >= least {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, fmt.Errorf("%s: read %q after %d was acknowledged", k.Name, a.text, least))
}

func (c *counter) errors() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errs
}

// compare judges the state when all is over.
func (c *counter) compare(last int) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.acked); last < n || last > n+c.indeterminate {
		return []error{fmt.Errorf("the state counts %d, with %d writes acknowledged and %d not answered", last, n, c.indeterminate)}
	}
	return nil
}
