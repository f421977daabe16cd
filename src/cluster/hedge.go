package cluster

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// hedgeDelay is when a call that has no answer is made again, and doubles for the
	// call after it. A member that stops loses calls without an error, and so does one
	// that forwards a call to a leader that stops.
	hedgeDelay = 100 * time.Millisecond
	// maxHedgedCalls limits the calls, so that a cluster that is slow gets no more than
	// three times the calls.
	maxHedgedCalls = 3
)

// hedged makes a call to the first of the endpoints, and makes it again, to the next one,
// for as long as there is no answer. The first answer or error counts, but for a
// rejection: hedged returns one only if etcd has rejected all calls. No call is in
// progress when hedged returns. Calls must be repeatable.
func hedged[T any](ctx context.Context, e *endpoints, f func(context.Context, *clientv3.Client) (T, error)) (v T, err error) {
	order := e.order()
	var calls sync.WaitGroup
	defer calls.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan func() (T, error), maxHedgedCalls)
	for started, ended := 0, 0; ; {
		if started < maxHedgedCalls && err == nil {
			p := order[started%len(order)]
			started++
			calls.Go(func() {
				v, err := call(ctx, e, p, f)
				answers <- func() (T, error) { return v, err }
			})
		}
		select {
		case answer := <-answers:
			ended++
			if v, err = answer(); rejection(err) == nil || ended == started {
				return v, err
			}
		case <-time.After(hedgeDelay << (started - 1)):
		}
	}
}
