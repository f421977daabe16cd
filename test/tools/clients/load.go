package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Load is running clients. Start makes one.
type Load struct {
	server   Server
	context  context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
	profiles []*profileLoad
	counter  counter
}

// Start runs readers and one writer of each profile. It sets the state to 0,
// from which the writers count.
func Start(server Server, profiles []Profile, readers int) (*Load, error) {
	l := &Load{server: server}
	l.context, l.stop = context.WithCancel(context.Background())
	if _, err := l.single(http.MethodPut, "0"); err != nil {
		return nil, fmt.Errorf("first write: %w", err)
	}
	for _, p := range profiles {
		pl := &profileLoad{sum: Summary{Profile: p, Clients: readers + 1}}
		l.profiles = append(l.profiles, pl)
		l.run(pl, (*client).write)
		for range readers {
			l.run(pl, (*client).read)
		}
	}
	return l, nil
}

// run starts one client that acts until the load is stopped.
func (l *Load) run(pl *profileLoad, act func(*client)) {
	c := l.newClient(pl)
	l.running.Go(func() { c.run(act) })
}

// single sends one request over a connection of its own.
func (l *Load) single(method, body string) (response, error) {
	return l.newClient(&profileLoad{sum: Summary{Profile: Profile{NewConnPerRequest: true}}}).send(method, body, "")
}

// AwaitResponses returns once the clients of each profile have had n more
// responses. It returns an error if that takes longer than limit.
func (l *Load) AwaitResponses(n int, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, pl := range l.profiles {
		if err := pl.awaitResponses(ctx, pl.summary().Responses+n); err != nil {
			return fmt.Errorf("%s: %w", pl.sum.Profile.Name, err)
		}
	}
	return nil
}

// Stop ends the load, reads the state once more and returns what happened.
func (l *Load) Stop() (Result, error) {
	l.stop()
	l.running.Wait()
	var res Result
	for _, pl := range l.profiles {
		res.Profiles = append(res.Profiles, pl.summary())
	}
	final, err := l.single(http.MethodGet, "")
	if err != nil {
		return res, fmt.Errorf("last read: %w", err)
	}
	n, err := strconv.Atoi(final.text)
	if err != nil {
		return res, fmt.Errorf("last read: %w", err)
	}
	res.Lost = append(l.counter.errors(), l.counter.compare(n)...)
	return res, nil
}

// errTooFew is what AwaitResponses returns at its limit.
var errTooFew = errors.New("too few responses within the limit")
