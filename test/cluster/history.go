//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// clients is how many clients send requests at once.
const clients = 6

// pace is the least time between two requests of a client. porcupine's time grows
// with the number of requests.
const pace = 10 * time.Millisecond

// An input is one request. The state is its text, which no other request has.
type input struct {
	kind           string // get, put or swap
	text, expected string
}

// A recorder has the history of the requests.
type recorder struct {
	mu         sync.Mutex
	start      time.Time
	operations []porcupine.Operation
	statuses   map[int]int // of writes and reads, 0 without a response
	slowest    time.Duration
}

// record sends requests to the services until ctx ends, and returns their history.
func record(ctx context.Context, services []*service, name string) *recorder {
	r := &recorder{start: time.Now(), statuses: map[int]int{}}
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			seen := [2]string{} // text and entity tag
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				seen = r.request(services[rand.IntN(len(services))], i, fmt.Sprintf("%s-%d-%d", name, i, n), seen)
			}
		})
	}
	group.Wait()
	return r
}

// request sends one request, and returns the newest state that the client has seen,
// with its entity tag.
func (r *recorder) request(s *service, client int, text string, seen [2]string) [2]string {
	in, method, header := input{kind: "get"}, "GET", http.Header{}
	switch kind := rand.IntN(10); {
	case kind < 3:
		in, method = input{kind: "put", text: text}, "POST"
	case kind < 6 && seen[1] != "":
		in, method = input{"swap", text, seen[0]}, "POST"
		header.Set("If-Match", seen[1])
	}
	call := time.Since(r.start)
	resp, body, err := s.do(method, "/", in.text, header)
	took := time.Since(r.start) - call
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	if status == 200 && in.kind == "get" {
		seen = [2]string{body, resp.Header.Get("ETag")}
	}
	if status == 200 && in.kind != "get" {
		seen = [2]string{in.text, resp.Header.Get("ETag")}
	}
	r.add(porcupine.Operation{ClientId: client, Input: in, Call: call.Nanoseconds(), Return: (call + took).Nanoseconds()}, status, body, took)
	return seen
}

// add records a request. A write with status 503 or 507 has not happened, so it is
// no part of the history: a read that returns its text is an error.
func (r *recorder) add(op porcupine.Operation, status int, body string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses[status]++
	r.slowest = max(r.slowest, took)
	get := op.Input.(input).kind == "get"
	switch {
	case get && status == 200:
		op.Output = body
	case get && status == 404:
		op.Output = ""
	case get:
		return
	case status == 200:
		op.Output = "ok"
	case status == 412:
		op.Output = "refused"
	case status == 504 || status == 0:
		op.Output, op.Return = "?", time.Hour.Nanoseconds() // it may happen at any time
	default:
		return
	}
	r.operations = append(r.operations, op)
}

// check requires that the history is linearizable, from some state on.
func (r *recorder) check(t *testing.T, initial string) {
	t.Helper()
	t.Logf("%d requests in the history, slowest %v, by status %v", len(r.operations), r.slowest.Round(time.Millisecond), r.statuses)
	if result := linearizable(initial, r.operations); result != porcupine.Ok {
		t.Errorf("the history is not linearizable: %s", result)
	}
	if r.statuses[500] > 0 {
		t.Errorf("%d requests have status 500", r.statuses[500])
	}
	if r.statuses[200] == 0 {
		t.Error("no request has status 200")
	}
}

func linearizable(initial string, operations []porcupine.Operation) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(register(initial), operations, time.Minute)
}

// register is a register with compare and swap. An outcome "?" is unknown.
func register(initial string) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, in, out any) []any { return next(state.(string), in.(input), out.(string)) },
	}
	return m.ToModel()
}

func next(state string, in input, out string) []any {
	holds := in.kind == "put" || in.kind == "swap" && state == in.expected
	switch {
	case in.kind == "get" && out == state, out == "refused" && !holds, out == "?" && !holds:
		return []any{state}
	case in.kind == "get", out == "refused", !holds:
		return nil
	case out == "?":
		return []any{state, in.text}
	}
	return []any{in.text}
}
