package main

import (
	"errors"
	"sync"
	"time"
)

// closedLoop lets so many clients make one call after the other for d. newCall
// returns the call of one client. It returns the calls per second and the calls,
// and the first error of each client, which ends with it.
func closedLoop(clients int, d time.Duration, newCall func(client int) func() error) (rate, total float64, err error) {
	counts, errs := make([]int, clients), make([]error, clients)
	var group sync.WaitGroup
	start := time.Now()
	for i := range clients {
		group.Go(func() {
			call := newCall(i)
			for time.Since(start) < d {
				if errs[i] = call(); errs[i] != nil {
					return
				}
				counts[i]++
			}
		})
	}
	group.Wait()
	for _, n := range counts {
		total += float64(n)
	}
	return total / time.Since(start).Seconds(), total, errors.Join(errs...)
}
