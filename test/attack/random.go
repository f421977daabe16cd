package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// randomClients is how many random clients run at a time. Most of them wait for
// the end of their connection.
const randomClients = 32

// answerTimeout is how long a random client waits for anything that the server
// owes it: a response, or the end of the connection. It is longer than the
// timeouts that RandomConfig is given.
const answerTimeout = 60 * time.Second

// RandomConfig returns a configuration of foobar for random clients: a short timeout
// for those that end with silence, which a client on a busy machine has to keep to.
func RandomConfig(timeout time.Duration) string {
	return fmt.Sprintf("timeouts: {header: %[1]v, idle: %[1]v, body: %[1]v, response: %[1]v}\n", timeout)
}

// Random runs random clients against a target until the context ends or one of
// them finds a fault. Each client obeys the protocol, and so has to get one
// well-formed response for each request; at the end some send nonsense. Then the
// server has to close the connection. The error names the seed that a single
// client had: RandomHTTP1 and RandomHTTP2 repeat its requests.
func Random(ctx context.Context, t Target, seed uint64) (clients int, err error) {
	if err := Put("https://"+t.Address+t.Path, t.Token, maxRandomBody1); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	next := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		clients++
		return seed + uint64(clients), ctx.Err() == nil
	}
	for range randomClients {
		group.Go(func() {
			for s, ok := next(); ok; s, ok = next() {
				kind, run := "HTTP/1.1", RandomHTTP1
				if s%2 == 0 {
					kind, run = "HTTP/2", RandomHTTP2
				}
				if failure := run(t, s); failure != nil {
					mu.Lock()
					err = fmt.Errorf("the %s client of seed %d: %w", kind, s, failure)
					mu.Unlock()
					cancel()
				}
			}
		})
	}
	group.Wait()
	return clients, err
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

// dialRandom connects a client that is limited by its seed alone.
func dialRandom(t Target, protocol string) (*Conn, error) {
	r := &Running{attack: Attack{Protocol: protocol}, target: t}
	return r.dial(context.Background(), 0)
}

// A randomRequest is a request that is complete and well-formed.
type randomRequest struct {
	method, path string
	fields       [][2]string // names in lower case
	body         []byte
}

// statuses are those that a well-formed request can get. 500 is not among them.
var statuses = map[int]bool{
	200: true, 201: true, 204: true, 206: true, 304: true, 401: true, 404: true,
	405: true, 412: true, 413: true, 416: true, 503: true,
}

// mayTimeOut reports whether the server may answer a request with status 408: the client
// had the whole of timeouts.body and used at least half of it to send the body, as on a
// machine that is too busy to run the client. Sent is zero while a part of the body is
// left that the client could send.
func (t Target) mayTimeOut(begun, sent time.Time) bool {
	now := time.Now()
	if sent.IsZero() {
		sent = now
	}
	return now.Sub(begun) >= t.Timeout && sent.Sub(begun) >= t.Timeout/2
}

// newRandomRequest returns a request. Its body is at most maxBody bytes long.
func newRandomRequest(rng *rand.Rand, t Target, maxBody int) randomRequest {
	r := randomRequest{method: pick(rng, "GET", "GET", "HEAD", "PUT", "POST", "DELETE"), path: pick(rng, "/", "/", "/", "/other", "/?x=1")}
	add := func(name, value string) { r.fields = append(r.fields, [2]string{name, value}) }
	if rng.IntN(3) == 0 {
		add("range", pick(rng, "bytes=0-0", "bytes=-5", "bytes=3-", "bytes=99999999-", "bytes=0-1,4-5", "lines=1-2"))
	}
	if rng.IntN(4) == 0 {
		add("if-none-match", pick(rng, "*", `"a", "b"`, `W/"a"`))
	}
	if rng.IntN(8) == 0 {
		add("if-match", pick(rng, "*", `"a"`))
	}
	for range rng.IntN(4) {
		add(fmt.Sprintf("x-%d", rng.IntN(100)), fmt.Sprint(rng.Uint64()))
	}
	if r.method == "PUT" || r.method == "POST" {
		if rng.IntN(4) > 0 {
			add("authorization", "Bearer "+t.Token)
		}
		r.body = make([]byte, rng.IntN(maxBody)+1)
		for i := range r.body {
			r.body[i] = byte('a' + i%26)
		}
	}
	return r
}

func pick(rng *rand.Rand, values ...string) string { return values[rng.IntN(len(values))] }
