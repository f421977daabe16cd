// Compare runs every attack of package attack against foobar, Go's net/http with
// the same API, nginx and caddy, and writes docs/attacks.md. With -random it runs
// the random clients against foobar instead. test/attack/run builds and starts it.
// Read main.go first; servers.go starts the servers, document.go has the page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"foobar/test/attack"
)

// options are the command line.
type options struct {
	repo, dir, program, roots string
	hold, random              time.Duration
	seed                      uint64
	only                      string
	write                     bool
	serve, client, path       string
	protocol                  string
}

func main() {
	var o options
	flag.StringVar(&o.repo, "repo", ".", "`directory` of the source")
	flag.StringVar(&o.dir, "dir", "", "`directory` for the data of the servers")
	flag.StringVar(&o.program, "program", "", "`path` of foobar")
	flag.StringVar(&o.roots, "packages", "", "`directory` of the unpacked packages of nginx and caddy")
	flag.DurationVar(&o.hold, "hold", 5*time.Second, "how long an attack lasts after its connections are open")
	flag.DurationVar(&o.random, "random", 0, "how long random clients run, instead of the attacks")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of the random clients; 0 picks one and prints it")
	flag.StringVar(&o.only, "only", "", "regular `expression` of the attacks to run")
	flag.BoolVar(&o.write, "write", false, "write docs/attacks.md")
	flag.StringVar(&o.serve, "serve", "", "`address` to serve the API on by net/http; used by the program itself")
	flag.StringVar(&o.client, "client", "", "`address` that a client reads from; used by the program itself")
	flag.StringVar(&o.protocol, "protocol", "", "`protocol` of the client: h2, or HTTP/1.1 for any other")
	flag.StringVar(&o.path, "path", "", "`path` that the client reads")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func (o options) run() error {
	switch {
	case o.serve != "":
		return serveNetHTTP(o.serve, o.dir)
	case o.client != "":
		return runClient(attack.Target{Address: o.client, Path: o.path}, o.protocol)
	case o.random > 0:
		return o.runRandom()
	}
	return o.compare()
}

// randomTimeout is long, because a run of hours meets moments in which the machine is
// too busy for a client to send its request in time.
const randomTimeout = 30 * time.Second

// runRandom runs random clients against the fast path for half of the time, and
// against net/http.
func (o options) runRandom() error {
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 1
	}
	fmt.Printf("seed %d\n", o.seed)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	config := attack.RandomConfig(randomTimeout)
	for i, config := range []string{config, config + "http: {fast_path: false}\n"} {
		dir := filepath.Join(o.dir, fmt.Sprint("random", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		s, err := attack.StartService(o.program, dir, config)
		if err != nil {
			return err
		}
		s.Timeout = randomTimeout
		half, done := context.WithTimeout(ctx, o.random/2)
		n, err := attack.Random(half, s.Target, o.seed)
		done()
		err = errors.Join(err, s.Err())
		s.Stop()
		fmt.Printf("%d clients\n", n)
		if err != nil {
			return err
		}
	}
	return nil
}

// A row is the outcome of one attack on each server.
type row struct {
	attack   attack.Attack
	outcomes []outcome
}

// An outcome is that of one attack on one server.
type outcome struct {
	server  string
	skipped bool // the attack does not apply
	result  attack.Result
	client  attack.ClientResult
	usage   attack.Usage
	err     error // the server has ended
}

func (o options) compare() error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	var rows []row
	for _, a := range attack.Attacks() {
		if !only.MatchString(a.Name) {
			continue
		}
		r := row{attack: a}
		for _, p := range peers() {
			got, err := o.attackPeer(a, p)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", a.Name, p.name, err)
			}
			fmt.Println(a.Name, p.name, got.cells())
			r.outcomes = append(r.outcomes, got)
		}
		rows = append(rows, r)
		if err := o.writeDocument(rows); err != nil {
			return err
		}
	}
	return nil
}

// holdOf returns how long an attack lasts. The versions of the state take their
// time.
func (o options) holdOf(a attack.Attack) time.Duration {
	if a.Needs == attack.Writer {
		return 4 * o.hold
	}
	return o.hold
}

// attackPeer starts a server, attacks it and stops it.
func (o options) attackPeer(a attack.Attack, p peer) (outcome, error) {
	got := outcome{server: p.name}
	if !p.suits(a) {
		got.skipped = true
		return got, nil
	}
	dir, err := os.MkdirTemp(o.dir, "server-")
	if err != nil {
		return got, err
	}
	defer os.RemoveAll(dir)
	s, err := p.start(o, a, dir)
	if err != nil {
		return got, err
	}
	defer s.Stop()
	before, err := s.Usage()
	if err != nil {
		return got, err
	}
	c, err := startClient(s.Target, a.Protocol)
	if err != nil {
		return got, err
	}
	r := a.Start(s.Target)
	r.WaitOpen()
	time.Sleep(o.holdOf(a)) // the length of the attack
	got.result = r.Stop()
	if got.client, err = c.stop(); err != nil {
		return got, err
	}
	if got.err = s.Err(); got.err != nil {
		return got, nil
	}
	got.usage, err = s.Usage()
	got.usage.CPU -= before.CPU
	return got, err
}
